/**
 * Cases of crossEntropy, squaredError and meanLoss, and of what differentiates them.
 *
 * @module
 */
import { type KernelCase, kernelCase, noise, wholeNumbers } from "./case.ts";

/** Targets of which about a third is ignored, by different negative numbers. */
function targets(seed: number, { count, V }: { count: number; V: number }): Int32Array {
  return wholeNumbers(seed, { count, end: V }).map((target, i) => i % 3 === 1 ? -(i % 2 ? 1 : 100) : target);
}

/** Rows and widths of squared errors. */
const errorShapes: readonly (readonly [M: number, D: number])[] = [[1, 1], [5, 7], [67, 64], [3, 1031]];

/** A backward case of crossEntropy, with the outputs of which the initial is in `wanted`. */
function crossEntropyBackwardCase(
  { M, D, V, wanted = "hw" }: { M: number; D: number; V: number; wanted?: string },
): KernelCase {
  const label = `d${wanted}, ${M} rows of ${D}, ${V} ids`;
  return kernelCase({ kernel: "crossEntropyBackward", label, tolerance: 2e-5 }, (c) => {
    const hidden = c.input("hidden", [M, D], noise(M, M * D, 3));
    const weight = c.matrix("w", [V, D]);
    const target = c.integers("target", [M], targets(V, { count: M, V }));
    const dhidden = wanted.includes("h") ? c.state("dhidden", [M, D]) : undefined;
    const dweight = wanted.includes("w") ? c.stateLike(weight, "gradient") : undefined;
    const inputs = { hidden, weight, target, dloss: c.input("dloss", [M]) };
    c.graph.append("crossEntropyBackward", inputs, { dhidden, dweight }, {});
  });
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ...[[1, 1, 1], [1, 12, 13], [5, 1, 7], [33, 65, 67], [3, 64, 1031], [130, 13, 9], [400, 13, 9]].map(([M, D, V]) =>
    crossEntropyBackwardCase({ M: M!, D: D!, V: V! })
  ),
  crossEntropyBackwardCase({ M: 35, D: 13, V: 67, wanted: "h" }),
  crossEntropyBackwardCase({ M: 35, D: 13, V: 67, wanted: "w" }),
  kernelCase({ kernel: "crossEntropyBackward", label: "only ignored targets" }, (c) => {
    const weight = c.matrix("w", [13, 7]);
    const target = c.integers("target", [3], [-100, -1, -100]);
    const inputs = { hidden: c.input("hidden", [3, 7]), weight, target, dloss: c.input("dloss", [3]) };
    const outputs = { dhidden: c.state("dhidden", [3, 7]), dweight: c.stateLike(weight, "gradient") };
    c.graph.append("crossEntropyBackward", inputs, outputs, {});
  }),
  kernelCase({ kernel: "crossEntropyBackward", label: "logits up to ±80", tolerance: 1e-5 }, (c) => {
    const hidden = c.input("hidden", [9, 4], wholeNumbers(1, { count: 36, least: -4, end: 5 }));
    const weight = c.matrix("w", [13, 4], wholeNumbers(2, { count: 52, least: -5, end: 6 }));
    const target = c.integers("target", [9], [0, 1, 2, 3, 4, 5, 6, 7, 12]);
    const outputs = { dhidden: c.state("dhidden", [9, 4]), dweight: c.stateLike(weight, "gradient") };
    c.graph.append("crossEntropyBackward", { hidden, weight, target, dloss: c.input("dloss", [9]) }, outputs, {});
  }),
  ...errorShapes.map(([M, D]) =>
    kernelCase({ kernel: "squaredErrorBackward", label: `da and db, ${M} rows of ${D}`, tolerance: 1e-6 }, (c) => {
      const inputs = { a: c.input("a", [M, D]), b: c.input("b", [M, D]), dloss: c.input("dloss", [M]) };
      const outputs = { da: c.state("da", [M, D]), db: c.state("db", [M, D]) };
      c.graph.append("squaredErrorBackward", inputs, outputs, {});
    })
  ),
  kernelCase({ kernel: "squaredErrorBackward", label: "only db", tolerance: 1e-6 }, (c) => {
    const inputs = { a: c.input("a", [3, 5]), b: c.input("b", [3, 5]), dloss: c.input("dloss", [3]) };
    c.graph.append("squaredErrorBackward", inputs, { db: c.state("db", [3, 5]) }, {});
  }),
  ...[1, 5, 67, 1031].map((M) =>
    kernelCase({ kernel: "meanLossBackward", label: `${M} rows`, tolerance: 1e-6 }, (c) => {
      const target = c.integers("target", [M], targets(M, { count: M, V: 9 }));
      c.graph.append("meanLossBackward", { target, dy: c.input("dy", [1], [3]) }, { dloss: c.state("dloss", [M]) }, {});
    })
  ),
  kernelCase({ kernel: "meanLossBackward", label: "only ignored targets" }, (c) => {
    const target = c.integers("target", [3], [-1, -100, -1]);
    c.graph.append("meanLossBackward", { target, dy: c.input("dy", [1]) }, { dloss: c.state("dloss", [3]) }, {});
  }),
];

/** Cases of the loss. */
export const lossCases: readonly KernelCase[] = [
  ...[[1, 1, 1], [1, 12, 13], [5, 1, 7], [33, 65, 67], [3, 64, 1031], [130, 13, 9], [400, 13, 9]].map(([M, D, V]) =>
    kernelCase({ kernel: "crossEntropy", label: `${M} rows of ${D}, ${V} ids`, tolerance: 1e-5 }, (c) => {
      const target = c.integers("target", [M!], targets(V!, { count: M!, V: V! }));
      c.output(
        "loss",
        c.graph.crossEntropy(c.input("hidden", [M!, D!], noise(M!, M! * D!, 3)), c.matrix("w", [V!, D!]), target),
      );
    })
  ),
  kernelCase({ kernel: "crossEntropy", label: "the first and the last id", tolerance: 1e-5 }, (c) => {
    const target = c.integers("target", [2], [0, 66]);
    c.output("loss", c.graph.crossEntropy(c.input("hidden", [2, 5]), c.matrix("w", [67, 5]), target));
  }),
  kernelCase({ kernel: "crossEntropy", label: "only ignored targets" }, (c) => {
    const target = c.integers("target", [3], [-100, -1, -100]);
    c.output("loss", c.graph.crossEntropy(c.input("hidden", [3, 7]), c.matrix("w", [13, 7]), target));
  }),
  kernelCase({ kernel: "crossEntropy", label: "logits up to ±80", tolerance: 1e-5 }, (c) => {
    const hidden = c.input("hidden", [9, 4], wholeNumbers(1, { count: 36, least: -4, end: 5 }));
    const w = c.matrix("w", [13, 4], wholeNumbers(2, { count: 52, least: -5, end: 6 }));
    c.output("loss", c.graph.crossEntropy(hidden, w, c.integers("target", [9], [0, 1, 2, 3, 4, 5, 6, 7, 12])));
  }),
  ...errorShapes.map(([M, D]) =>
    kernelCase({ kernel: "squaredError", label: `${M} rows of ${D}`, tolerance: 1e-5 }, (c) => {
      c.output("loss", c.graph.squaredError(c.input("a", [M, D]), c.input("b", [M, D])));
    })
  ),
  ...[1, 5, 67, 1031].map((M) =>
    kernelCase({ kernel: "meanLoss", label: `${M} rows`, tolerance: 1e-5 }, (c) => {
      const target = c.integers("target", [M], targets(M, { count: M, V: 9 }));
      c.output("y", c.graph.meanLoss(c.input("loss", [M]), target));
    })
  ),
  kernelCase({ kernel: "meanLoss", label: "only ignored targets" }, (c) => {
    c.output("y", c.graph.meanLoss(c.input("loss", [3]), c.integers("target", [3], [-1, -100, -1])));
  }),

  ...backwardCases,
];
