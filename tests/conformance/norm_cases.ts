/**
 * Cases of rmsNorm and layerNorm, and of what differentiates them.
 *
 * @module
 */
import { type KernelCase, kernelCase, noise } from "./case.ts";

/** Rows and widths. */
const shapes = [[1, 1], [1, 5], [7, 3], [3, 67], [130, 64], [2, 769], [5, 12]] as const;

/** Rows far from the usual: tiny, huge and zero. */
const oddRows = [...noise(1, 9, 1e-4), ...noise(2, 9, 1e4), ...new Float32Array(9)];

/** A backward case of a norm, with the outputs of which the initial is in `wanted`. */
function normBackwardCase(
  kernel: "rmsNormBackward" | "layerNormBackward",
  { label, shape, x, wanted = "xwb" }: { label: string; shape: readonly number[]; x?: number[]; wanted?: string },
): KernelCase {
  return kernelCase({ kernel, label, tolerance: 2e-5 }, (c) => {
    const D = shape.at(-1)!;
    const inputs = { x: c.input("x", shape, x), weight: c.parameter("w", [D]), dy: c.input("dy", shape) };
    const dx = wanted.includes("x") ? c.state("dx", shape) : undefined;
    const dweight = wanted.includes("w") ? c.state("dweight", [D]) : undefined;
    if (kernel === "rmsNormBackward") c.graph.append(kernel, inputs, { dx, dweight }, { eps: 1e-5 });
    else {
      const dbias = wanted.includes("b") ? c.state("dbias", [D]) : undefined;
      c.graph.append(kernel, inputs, { dx, dweight, dbias }, { eps: 1e-5 });
    }
  });
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ...(["rmsNormBackward", "layerNormBackward"] as const).flatMap((kernel) => [
    ...shapes.map((shape) => normBackwardCase(kernel, { label: `${shape[0]} rows of ${shape[1]}`, shape })),
    normBackwardCase(kernel, { label: "heads of 12 in a tensor of rank 4", shape: [2, 3, 4, 12] }),
    normBackwardCase(kernel, { label: "only the input", shape: [33, 67], wanted: "x" }),
    normBackwardCase(kernel, { label: "only the weight", shape: [33, 67], wanted: "w" }),
    normBackwardCase(kernel, { label: "input and weight", shape: [5, 13], wanted: "xw" }),
  ]),
  normBackwardCase("rmsNormBackward", { label: "tiny, huge and zero rows", shape: [3, 9], x: oddRows }),
  normBackwardCase("layerNormBackward", { label: "only the bias", shape: [131, 5], wanted: "b" }),
];

/** Cases of the norms. */
export const normCases: readonly KernelCase[] = [
  ...shapes.flatMap(([M, D]) => [
    kernelCase({ kernel: "rmsNorm", label: `${M} rows of ${D}`, tolerance: 1e-5 }, (c) => {
      c.output("y", c.graph.rmsNorm(c.input("x", [M, D]), c.parameter("w", [D]), 1e-6));
    }),
    kernelCase({ kernel: "layerNorm", label: `${M} rows of ${D}`, tolerance: 1e-5 }, (c) => {
      const [w, b] = [c.parameter("w", [D]), c.parameter("b", [D])];
      c.output("y", c.graph.layerNorm(c.input("x", [M, D]), w, b, 1e-5));
    }),
  ]),
  kernelCase({ kernel: "rmsNorm", label: "heads of 12 in a tensor of rank 4", tolerance: 1e-5 }, (c) => {
    c.output("y", c.graph.rmsNorm(c.input("x", [2, 3, 4, 12]), c.parameter("w", [12]), 1e-6));
  }),
  kernelCase({ kernel: "rmsNorm", label: "tiny, huge and zero rows", tolerance: 1e-5 }, (c) => {
    c.output("y", c.graph.rmsNorm(c.input("x", [3, 9], oddRows), c.parameter("w", [9]), 1e-5));
  }),
  kernelCase({ kernel: "layerNorm", label: "a constant row and a row far from zero", tolerance: 1e-4 }, (c) => {
    const x = [...new Float32Array(37).fill(3), ...noise(3, 37).map((value) => 100 + value)];
    c.output("y", c.graph.layerNorm(c.input("x", [2, 37], x), c.parameter("w", [37]), c.parameter("b", [37]), 1e-5));
  }),

  ...backwardCases,
];
