/**
 * Cases of fill, add, scale, advance, gelu and swiglu, and of what differentiates them.
 *
 * @module
 */
import type { GeluKind } from "../../core/graph/kernels.ts";
import { type KernelCase, kernelCase, noise } from "./case.ts";

/** Extents that no vector width or block size divides. */
const counts = [1, 3, 8, 31, 67, 129, 4099];

/** Large inputs of both signs, where exponentials overflow, with the small ones between. */
function extremes(count: number): Float32Array {
  const steps = [-80, 80, 0, -0.001, 20, -20, 5, -5, 79.5];
  return Float32Array.from({ length: count }, (_, i) => steps[i % steps.length]!);
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ...counts.map((n) =>
    kernelCase({ kernel: "accumulate", label: `${n} elements`, tolerance: 1e-6 }, (c) => {
      c.graph.append("accumulate", { x: c.input("x", [n]) }, { y: c.state("y", [n]) }, { factor: -0.3 });
    })
  ),
  ...[[2, 1], [5, 7], [3, 67], [131, 4], [67, 129], [1031, 3]].map(([rows, width]) =>
    kernelCase({ kernel: "accumulate", label: `a sum of ${rows} rows of ${width}`, tolerance: 1e-5 }, (c) => {
      const x = c.input("x", [rows!, width!]);
      c.graph.append("accumulate", { x }, { y: c.state("y", [width!]) }, { factor: 1 });
    })
  ),
  kernelCase({ kernel: "accumulate", label: "a sum of blocks of rank 2", tolerance: 1e-5 }, (c) => {
    c.graph.append("accumulate", { x: c.input("x", [3, 5, 7]) }, { y: c.state("y", [5, 7]) }, { factor: 0.5 });
  }),
  kernelCase({ kernel: "accumulate", label: "matrices", tolerance: 1e-6 }, (c) => {
    const w = c.matrix("w", [13, 37]);
    c.graph.append("accumulate", { x: w }, { y: c.stateLike(w, "gradient") }, { factor: 2 });
  }),
  kernelCase({ kernel: "fill", label: "a matrix of zeros" }, (c) => {
    c.graph.append("fill", {}, { y: c.stateLike(c.matrix("w", [13, 37]), "gradient") }, { value: 0 });
  }),
  ...(["quick", "tanh", "erf"] satisfies GeluKind[]).flatMap((kind) =>
    [...counts.map((n) => [`${n} elements`, noise(kind, n, 5)] as const), ["inputs up to ±80", extremes(39)] as const]
      .map(([label, x]) =>
        kernelCase({ kernel: "geluBackward", label: `${kind}, ${label}`, tolerance: 1e-5 }, (c) => {
          const inputs = { x: c.input("x", [x.length], x), dy: c.input("dy", [x.length]) };
          c.graph.append("geluBackward", inputs, { dx: c.state("dx", [x.length]) }, { kind });
        })
      )
  ),
  ...[...counts.map((n) => [`${n} elements`, noise(n, n, 4)] as const), ["gates up to ±80", extremes(39)] as const].map(
    (
      [label, gate],
    ) =>
      kernelCase({ kernel: "swigluBackward", label, tolerance: 1e-5 }, (c) => {
        const shape = [gate.length];
        const inputs = { gate: c.input("gate", shape, gate), up: c.input("up", shape), dy: c.input("dy", shape) };
        c.graph.append("swigluBackward", inputs, { dgate: c.state("dgate", shape), dup: c.state("dup", shape) }, {});
      }),
  ),
];

/** Cases of the elementwise kernels. */
export const elementwiseCases: readonly KernelCase[] = [
  ...counts.map((n) =>
    kernelCase({ kernel: "fill", label: `${n} elements` }, ({ graph }) => {
      graph.output("y", graph.fill([n], 0.1));
      graph.output("z", graph.fill([n, 1], -3));
    })
  ),
  ...counts.map((n) =>
    kernelCase({ kernel: "add", label: `${n} + ${n} elements` }, (c) => {
      c.output("y", c.graph.add(c.input("a", [n]), c.input("b", [n])));
    })
  ),
  ...[[2, 1], [5, 7], [3, 67], [131, 4]].map(([rows, width]) =>
    kernelCase({ kernel: "add", label: `a repeated row, ${rows} rows of ${width}` }, (c) => {
      c.output("y", c.graph.add(c.input("a", [rows!, width!]), c.input("b", [width!])));
    })
  ),
  kernelCase({ kernel: "add", label: "a repeated block of rank 2" }, (c) => {
    c.output("y", c.graph.add(c.input("a", [3, 5, 7]), c.parameter("b", [5, 7])));
  }),
  kernelCase({ kernel: "add", label: "a + a" }, (c) => {
    const a = c.graph.scale(c.input("a", [37]), 2);
    c.output("y", c.graph.add(a, a));
  }),
  ...counts.map((n) =>
    kernelCase({ kernel: "scale", label: `${n} elements`, tolerance: 1e-6 }, (c) => {
      c.output("y", c.graph.scale(c.input("x", [n]), -0.3));
    })
  ),
  ...[[13, 5], [67, 129], [3, 2, 5]].map((shape) =>
    kernelCase(
      { kernel: "scale", label: `a matrix [${shape}] in place, over two runs`, tolerance: 1e-6, runs: 2 },
      (c) => {
        const x = c.stateLike(c.matrix("w", shape), "average");
        c.graph.append("scale", { x }, { y: x }, { factor: 0.9 });
      },
    )
  ),
  kernelCase({ kernel: "advance", label: "three rows over three runs", runs: 3 }, (c) => {
    const counter = c.counter("counter", [3], [0, 7, -2]);
    c.graph.advance(counter, 5);
    c.output("counter", counter);
  }),
  ...(["quick", "tanh", "erf"] satisfies GeluKind[]).flatMap((kind) => [
    ...counts.map((n) =>
      kernelCase({ kernel: "gelu", label: `${kind}, ${n} elements`, tolerance: 1e-5 }, (c) => {
        c.output("y", c.graph.gelu(c.input("x", [n], noise(kind, n, 5)), kind));
      })
    ),
    kernelCase({ kernel: "gelu", label: `${kind} of inputs up to ±80`, tolerance: 1e-5 }, (c) => {
      c.output("y", c.graph.gelu(c.input("x", [39], extremes(39)), kind));
    }),
  ]),
  ...counts.map((n) =>
    kernelCase({ kernel: "swiglu", label: `${n} elements`, tolerance: 1e-5 }, (c) => {
      c.output("y", c.graph.swiglu(c.input("gate", [n], noise(n, n, 4)), c.input("up", [n])));
    })
  ),
  kernelCase({ kernel: "swiglu", label: "gates up to ±80", tolerance: 1e-5 }, (c) => {
    c.output("y", c.graph.swiglu(c.input("gate", [39], extremes(39)), c.input("up", [39], extremes(39).reverse())));
  }),

  ...backwardCases,
];
