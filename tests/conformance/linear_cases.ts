/**
 * Cases of linear, embedding and groupedLinear, and of what differentiates them.
 *
 * @module
 */
import { type CaseGraph, type KernelCase, kernelCase, wholeNumbers } from "./case.ts";

/** Rows: one token, every way to fill tiles of four and five, and more than a block. */
const rows = [1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 33, 130];

/** Input and output widths, on and off multiples of 4, 8 and 32. */
const widths = [[1, 1], [1, 13], [13, 1], [5, 7], [13, 13], [31, 9], [64, 66], [67, 33], [129, 131]] as const;

/** Where the rows of each expert end, input and output width. */
const groups = [
  [1, 1, [0, 1]],
  [5, 7, [0, 0, 3, 3, 7]],
  [13, 1, [0, 4, 5, 9]],
  [64, 66, [0, 33, 34, 67, 67]],
  [67, 9, [0, 0, 0, 0, 130]],
  [31, 13, [0, 130, 130, 130, 130]],
  [12, 5, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
] as const;

/** Cases of both backward kernels of linear. */
function linearBackwardCases(
  { M, K, N, tolerance }: { M: number; K: number; N: number; tolerance: number },
): KernelCase[] {
  const label = `${M} rows, ${K} to ${N}`;
  return [
    kernelCase({ kernel: "linearBackwardInput", label, tolerance }, (c) => {
      const inputs = { dy: c.input("dy", [M, N]), weight: c.matrix("w", [N, K]) };
      c.graph.append("linearBackwardInput", inputs, { dx: c.state("dx", [M, K]) }, {});
    }),
    kernelCase({ kernel: "linearBackwardWeight", label, tolerance }, (c) => {
      const dweight = c.stateLike(c.matrix("w", [N, K]), "gradient");
      c.graph.append("linearBackwardWeight", { x: c.input("x", [M, K]), dy: c.input("dy", [M, N]) }, { dweight }, {});
    }),
  ];
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ...rows.flatMap((M) => widths.flatMap(([K, N]) => linearBackwardCases({ M, K, N, tolerance: 1e-5 }))),
  ...([[66, 193, 517], [515, 67, 33], [260, 257, 131], [37, 21, 1543], [1543, 37, 21], [70, 260, 516]] as const)
    .flatMap(([M, K, N]) => linearBackwardCases({ M, K, N, tolerance: 5e-5 })),
  kernelCase(
    { kernel: "linearBackwardInput", label: "an input of rank 4 and a weight of rank 4", tolerance: 1e-5 },
    (c) => {
      const inputs = { dy: c.input("dy", [2, 1, 3, 10]), weight: c.matrix("w", [10, 3, 5, 5]) };
      c.graph.append("linearBackwardInput", inputs, { dx: c.state("dx", [2, 1, 3, 75]) }, {});
    },
  ),
  kernelCase(
    { kernel: "linearBackwardWeight", label: "an input of rank 4 and a weight of rank 4", tolerance: 1e-5 },
    (c) => {
      const dweight = c.stateLike(c.matrix("w", [10, 3, 5, 5]), "gradient");
      const inputs = { x: c.input("x", [2, 1, 3, 75]), dy: c.input("dy", [2, 1, 3, 10]) };
      c.graph.append("linearBackwardWeight", inputs, { dweight }, {});
    },
  ),
  ...[[1, 1, 1], [13, 5, 3], [67, 64, 130], [131, 33, 7], [6, 66, 2], [3, 9, 67]].map(([V, D, T]) =>
    kernelCase(
      { kernel: "embeddingBackward", label: `${T} ids of ${V}, width ${D}, batch 2`, tolerance: 1e-5 },
      (c) => {
        const dweight = c.stateLike(c.matrix("w", [V!, D!]), "gradient");
        const ids = c.integers("ids", [2, T!], wholeNumbers(V!, { count: 2 * T!, end: V! }));
        c.graph.append("embeddingBackward", { ids, dy: c.input("dy", [2, T!, D!]) }, { dweight }, {});
      },
    )
  ),
  ...groups.flatMap(([K, N, offsets]) => {
    const R = offsets.at(-1)!;
    const label = `${K} to ${N}, rows of experts ending at ${offsets.slice(1).join(", ")}`;
    const weights = (c: CaseGraph) => offsets.slice(1).map((_, e) => c.matrix(`w${e}`, [N, K]));
    const bounds = (c: CaseGraph) => c.integers("offsets", [offsets.length], offsets);
    return [
      kernelCase({ kernel: "groupedLinearBackwardInput", label, tolerance: 1e-5 }, (c) => {
        const inputs = { dy: c.input("dy", [R, N]), offsets: bounds(c), weights: weights(c) };
        c.graph.append("groupedLinearBackwardInput", inputs, { dx: c.state("dx", [R, K]) }, {});
      }),
      kernelCase({ kernel: "groupedLinearBackwardWeight", label, tolerance: 1e-5 }, (c) => {
        const inputs = { x: c.input("x", [R, K]), dy: c.input("dy", [R, N]), offsets: bounds(c) };
        const dweights = weights(c).map((weight) => c.stateLike(weight, "gradient"));
        c.graph.append("groupedLinearBackwardWeight", inputs, { dweights }, {});
      }),
    ];
  }),
];

/** Cases of the kernels that read weights. */
export const linearCases: readonly KernelCase[] = [
  ...rows.flatMap((M) =>
    widths.flatMap(([K, N]) => [
      kernelCase({ kernel: "linear", label: `${M} rows, ${K} to ${N}`, tolerance: 1e-5 }, (c) => {
        c.output("y", c.graph.linear(c.input("x", [M, K]), c.matrix("w", [N, K])));
      }),
      kernelCase({ kernel: "linear", label: `${M} rows, ${K} to ${N} with bias`, tolerance: 1e-5 }, (c) => {
        c.output("y", c.graph.linear(c.input("x", [M, K]), c.matrix("w", [N, K]), c.parameter("b", [N])));
      }),
    ])
  ),
  ...([[1, 257, 1031], [1, 1027, 67], [3, 515, 260], [66, 193, 517], [37, 1543, 21], [70, 260, 516]] as const).map((
    [M, K, N],
  ) =>
    kernelCase({ kernel: "linear", label: `${M} rows, ${K} to ${N}, more than a block`, tolerance: 5e-5 }, (c) => {
      c.output("y", c.graph.linear(c.input("x", [M, K]), c.matrix("w", [N, K]), c.parameter("b", [N])));
    })
  ),
  kernelCase({ kernel: "linear", label: "an input of rank 4 and a weight of rank 4", tolerance: 1e-5 }, (c) => {
    c.output("y", c.graph.linear(c.input("x", [2, 1, 3, 75]), c.matrix("w", [10, 3, 5, 5]), c.parameter("b", [10])));
  }),
  kernelCase({ kernel: "linear", label: "two products of one weight", tolerance: 1e-5 }, (c) => {
    const w = c.matrix("w", [19, 19]);
    c.output("y", c.graph.linear(c.graph.linear(c.input("x", [6, 19]), w), w));
  }),

  ...[[1, 1, 1], [13, 5, 3], [67, 64, 130], [131, 33, 7], [6, 66, 2]].map(([V, D, T]) =>
    kernelCase({ kernel: "embedding", label: `${T} ids of ${V}, width ${D}, batch 2` }, (c) => {
      const ids = c.integers("ids", [2, T!], wholeNumbers(V!, { count: 2 * T!, end: V! }));
      c.output("y", c.graph.embedding(ids, c.matrix("w", [V!, D!])));
    })
  ),
  kernelCase({ kernel: "embedding", label: "first and last id" }, (c) => {
    c.output("y", c.graph.embedding(c.integers("ids", [1, 4], [0, 16, 16, 0]), c.matrix("w", [17, 9])));
  }),
  kernelCase({ kernel: "embedding", label: "a weight tied to the head", tolerance: 1e-5 }, (c) => {
    const w = c.matrix("w", [37, 11]);
    const x = c.graph.embedding(c.integers("ids", [1, 3], [36, 0, 5]), w);
    c.output("embedded", x);
    c.output("logits", c.graph.linear(x, w));
  }),

  ...groups.map(([K, N, offsets]) => {
    const R = offsets.at(-1)!;
    const label = `${K} to ${N}, rows of experts ending at ${offsets.slice(1).join(", ")}`;
    return kernelCase({ kernel: "groupedLinear", label, tolerance: 1e-5 }, (c) => {
      const weights = offsets.slice(1).map((_, e) => c.matrix(`w${e}`, [N, K]));
      const bounds = c.integers("offsets", [offsets.length], offsets);
      c.output("y", c.graph.groupedLinear(c.input("x", [R, K]), bounds, weights));
    });
  }),

  ...backwardCases,
];
