/**
 * Cases of sumOfSquares, clipFactor and adamw.
 *
 * @module
 */
import type { Tensor } from "../../core/graph/tensor.ts";
import { type CaseGraph, type KernelCase, kernelCase, noise } from "./case.ts";

/** Extents that no vector width or block size divides, one of them more than a block. */
const counts = [1, 3, 8, 31, 67, 129, 9973];

/** AdamW's learning rate, betas, eps, weight decay and step. */
const settings = [1e-3, 0.9, 0.999, 1e-8, 0.01, 1];

/** An update of a parameter by noise; the variance is not negative. */
function update(
  c: CaseGraph,
  { parameter, clip = 0.7, numbers = settings }: { parameter: Tensor; clip?: number; numbers?: readonly number[] },
): void {
  const gradient = c.stateLike(parameter, "gradient");
  const variance = c.stateLike(parameter, "variance");
  c.values.set(variance.name, noise(variance.name, c.values.get(variance.name)!.length, 0.1).map(Math.abs));
  const outputs = { parameter, mean: c.stateLike(parameter, "mean"), variance };
  c.graph.append(
    "adamw",
    {
      gradient,
      clip: c.input("clip", [1], [clip]),
      settings: c.input("settings", [6], numbers),
    },
    outputs,
    {},
  );
}

/** Cases of the optimiser. */
export const optimiserCases: readonly KernelCase[] = [
  ...counts.map((n) =>
    kernelCase({ kernel: "sumOfSquares", label: `${n} elements, over three runs`, tolerance: 1e-5, runs: 3 }, (c) => {
      c.graph.append("sumOfSquares", { x: c.input("x", [n]) }, { y: c.state("y", [1], [2]) }, {});
    })
  ),
  ...[[1, 1], [13, 5], [67, 129], [3, 2, 5]].map((shape) =>
    kernelCase({ kernel: "sumOfSquares", label: `a matrix [${shape}]`, tolerance: 1e-5 }, (c) => {
      const x = c.stateLike(c.matrix("w", shape), "gradient");
      c.graph.append("sumOfSquares", { x }, { y: c.state("y", [1], [2]) }, {});
    })
  ),
  ...[[4, 1], [0.25, 1], [1, 1], [0, 1], [1e-20, 0.5], [1e30, 3], [9, 1e9]].map(([squares, limit]) =>
    kernelCase(
      { kernel: "clipFactor", label: `a norm² of ${squares} and a limit of ${limit}`, tolerance: 1e-6 },
      (c) => {
        const inputs = { squares: c.input("squares", [1], [squares!]), limit: c.input("limit", [1], [limit!]) };
        c.graph.append("clipFactor", inputs, { clip: c.state("clip", [1]) }, {});
      },
    )
  ),
  ...[[4, 1, 1], [4e4, 1, 8], [4, 1, 65536], [4e12, 1, 65536], [0, 1, 1024], [1e30, 3, 2 ** 24]].map((
    [squares, limit, scale],
  ) =>
    kernelCase(
      {
        kernel: "clipFactor",
        label: `a norm² of ${squares}, a limit of ${limit} and a scale of ${scale}`,
        tolerance: 1e-6,
      },
      (c) => {
        const one = (name: string, value: number) => c.input(name, [1], [value]);
        const inputs = { squares: one("squares", squares!), limit: one("limit", limit!), scale: one("scale", scale!) };
        const clip = c.state("clip", [1]);
        c.graph.append("clipFactor", inputs, { clip }, {});
        c.output("scaled back", c.graph.scale(clip, scale!));
      },
    )
  ),
  ...counts.map((n) =>
    kernelCase({ kernel: "adamw", label: `${n} elements, over three runs`, tolerance: 1e-6, runs: 3 }, (c) => {
      update(c, { parameter: c.parameter("w", [n]) });
    })
  ),
  ...[[1, 1], [13, 5], [67, 129], [3, 2, 5]].map((shape) =>
    kernelCase({ kernel: "adamw", label: `a matrix [${shape}]`, tolerance: 1e-6 }, (c) => {
      update(c, { parameter: c.matrix("w", shape) });
    })
  ),
  kernelCase({ kernel: "adamw", label: "a late step, a large eps and no decay", tolerance: 1e-6 }, (c) => {
    update(c, { parameter: c.parameter("w", [37]), clip: 1, numbers: [0.01, 0.8, 0.95, 0.1, 0, 10_000] });
  }),
  ...[NaN, Infinity, -Infinity].map((clip) =>
    kernelCase({ kernel: "adamw", label: `nothing changed by a clip of ${clip}` }, (c) => {
      update(c, { parameter: c.matrix("w", [13, 5]), clip });
    })
  ),
  ...[NaN, Infinity].map((squares) =>
    kernelCase({ kernel: "clipFactor", label: `nothing changed by a norm² of ${squares}` }, (c) => {
      const parameter = c.parameter("w", [7]);
      const clip = c.graph.fill([1], 1);
      const inputs = { squares: c.input("squares", [1], [squares]), limit: c.input("limit", [1], [1]) };
      c.graph.append("clipFactor", inputs, { clip }, {});
      const gradient = c.stateLike(parameter, "gradient");
      const outputs = { parameter, mean: c.stateLike(parameter, "mean"), variance: c.stateLike(parameter, "variance") };
      c.graph.append("adamw", { gradient, clip, settings: c.input("settings", [6], settings) }, outputs, {});
    })
  ),
];
