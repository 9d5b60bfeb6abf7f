/**
 * Cases of slice, takeRow, prepend, patches, unfold, splice, gatherRows and cacheWrite: copies, so the same bits. Their backward
 * kernels add, in any order.
 *
 * @module
 */
import type { Windows } from "../../core/graph/kernels.ts";
import { type KernelCase, kernelCase, wholeNumbers } from "./case.ts";

/** Row widths that no vector width divides, and some that one does. */
const widths = [1, 5, 64, 67];

/** Images [B,H,W,C] and the windows over them. */
const windows = [
  { shape: [1, 3, 3, 1], window: 3, stride: 1, padding: 0 },
  { shape: [2, 8, 6, 3], window: 3, stride: 2, padding: 1 },
  { shape: [1, 9, 9, 5], window: 3, stride: 3, padding: 0 },
  { shape: [3, 7, 5, 4], window: 3, stride: 1, padding: 1 },
  { shape: [1, 6, 7, 2], window: 2, stride: 3, padding: 1 }, // leaves out some pixels
  { shape: [2, 5, 4, 8], window: 5, stride: 2, padding: 4 }, // a window with one pixel in it
  { shape: [1, 1, 2, 6], window: 4, stride: 1, padding: 3 }, // wider than the image
];

function windowLabel(shape: readonly number[], { window, stride, padding }: Windows): string {
  return `windows of ${window}, ${stride} apart, in [${shape.join(", ")}] with ${padding} around`;
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ...windows.map(({ shape, ...attributes }) =>
    kernelCase({ kernel: "unfoldBackward", label: windowLabel(shape, attributes), tolerance: 1e-6 }, (c) => {
      const dy = c.graph.unfold(c.input("x", shape), attributes);
      c.graph.append("unfoldBackward", { dy }, { dx: c.state("dx", shape) }, attributes);
    })
  ),
  ...widths.flatMap((D) => [
    kernelCase({ kernel: "sliceBackward", label: `rows 2 to 7 of 9, width ${D}, batch 3`, tolerance: 1e-6 }, (c) => {
      c.graph.append("sliceBackward", { dy: c.input("dy", [3, 5, D]) }, { dx: c.state("dx", [3, 9, D]) }, { start: 2 });
    }),
    kernelCase({ kernel: "prependBackward", label: `batch 3, 5 rows of width ${D}`, tolerance: 1e-6 }, (c) => {
      const outputs = { dx: c.state("dx", [3, 5, D]), drow: c.state("drow", [D]) };
      c.graph.append("prependBackward", { dy: c.input("dy", [3, 6, D]) }, outputs, {});
    }),
    kernelCase({ kernel: "prependBackward", label: `only the row of width ${D}`, tolerance: 1e-5 }, (c) => {
      c.graph.append("prependBackward", { dy: c.input("dy", [67, 2, D]) }, { drow: c.state("drow", [D]) }, {});
    }),
    kernelCase({ kernel: "prependBackward", label: `only what follows, width ${D}`, tolerance: 1e-6 }, (c) => {
      c.graph.append("prependBackward", { dy: c.input("dy", [2, 4, D]) }, { dx: c.state("dx", [2, 3, D]) }, {});
    }),
    kernelCase(
      { kernel: "spliceBackward", label: `rows of width ${D}, one used three times`, tolerance: 1e-6 },
      (c) => {
        const index = c.integers("index", [2, 5], [-1, 2, 0, -1, 4, 2, 2, -1, -1, -7]);
        const outputs = { dhidden: c.state("dhidden", [2, 5, D]), dfeatures: c.state("dfeatures", [5, D]) };
        c.graph.append("spliceBackward", { index, dy: c.input("dy", [2, 5, D]) }, outputs, {});
      },
    ),
    kernelCase({ kernel: "spliceBackward", label: `only hidden states of width ${D}`, tolerance: 1e-6 }, (c) => {
      const inputs = { index: c.integers("index", [1, 4], [-1, 0, 1, -1]), dy: c.input("dy", [1, 4, D]) };
      c.graph.append("spliceBackward", inputs, { dhidden: c.state("dhidden", [1, 4, D]) }, {});
    }),
    kernelCase({ kernel: "spliceBackward", label: `only features of width ${D}`, tolerance: 1e-6 }, (c) => {
      const inputs = { index: c.integers("index", [1, 4], [-1, 0, 1, -1]), dy: c.input("dy", [1, 4, D]) };
      c.graph.append("spliceBackward", inputs, { dfeatures: c.state("dfeatures", [3, D]) }, {});
    }),
    ...[[7, 1], [67, 3], [1, 4]].map(([M, k]) =>
      kernelCase(
        { kernel: "gatherRowsBackward", label: `${M} rows of width ${D}, ${k} choices each`, tolerance: 1e-6 },
        (c) => {
          const R = M! * k!;
          const order = c.integers("order", [R], Array.from({ length: R }, (_, i) => (i * 53) % R));
          c.graph.append(
            "gatherRowsBackward",
            { order, dy: c.input("dy", [R, D]) },
            { dx: c.state("dx", [M!, D]) },
            {},
          );
        },
      )
    ),
  ]),
];

/** Cases of the kernels that move rows. */
export const rowsCases: readonly KernelCase[] = [
  ...widths.flatMap((D) => [
    kernelCase({ kernel: "slice", label: `rows 2 to 7 of 9, width ${D}, batch 3` }, (c) => {
      c.output("y", c.graph.slice(c.input("x", [3, 9, D]), 2, 5));
    }),
    kernelCase({ kernel: "slice", label: `the last row of 131, width ${D}` }, (c) => {
      c.output("y", c.graph.slice(c.input("x", [1, 131, D]), 130, 1));
    }),
    kernelCase({ kernel: "takeRow", label: `first, middle and last row of width ${D}` }, (c) => {
      c.output("y", c.graph.takeRow(c.input("x", [3, 7, D]), c.integers("index", [3], [0, 3, 6])));
    }),
    kernelCase({ kernel: "prepend", label: `batch 2, 5 rows of width ${D}` }, (c) => {
      c.output("y", c.graph.prepend(c.input("x", [2, 5, D]), c.parameter("row", [D])));
    }),
    kernelCase({ kernel: "prepend", label: `one row of width ${D}` }, (c) => {
      c.output("y", c.graph.prepend(c.input("x", [1, 1, D]), c.parameter("row", [D])));
    }),
    kernelCase({ kernel: "splice", label: `some of 2×5 rows of width ${D}` }, (c) => {
      const index = c.integers("index", [2, 5], [-1, 2, 0, -1, 1, 2, 2, -1, -1, -7]);
      c.output("y", c.graph.splice(c.input("hidden", [2, 5, D]), c.input("features", [3, D]), index));
    }),
    kernelCase({ kernel: "splice", label: `no row, then every row, of width ${D}` }, (c) => {
      const [hidden, features] = [c.input("hidden", [1, 3, D]), c.input("features", [67, D])];
      c.output("none", c.graph.splice(hidden, features, c.integers("none", [1, 3], [-1, -1, -1])));
      c.output("all", c.graph.splice(hidden, features, c.integers("all", [1, 3], [66, 0, 65])));
    }),
    kernelCase({ kernel: "gatherRows", label: `7 rows of width ${D}, one choice each` }, (c) => {
      c.output("y", c.graph.gatherRows(c.input("x", [7, D]), c.integers("order", [7], [6, 0, 3, 2, 1, 5, 4])));
    }),
    kernelCase({ kernel: "gatherRows", label: `67 rows of width ${D}, three choices each` }, (c) => {
      const order = Array.from({ length: 201 }, (_, i) => (i * 50) % 201);
      c.output("y", c.graph.gatherRows(c.input("x", [67, D]), c.integers("order", [201], order)));
    }),
  ]),
  ...[[1, 1, 1], [2, 6, 3], [1, 8, 2], [3, 5, 5], [1, 32, 16], [1, 21, 3]].map(([B, S, P]) =>
    kernelCase({ kernel: "patches", label: `batch ${B}, ${S}×${S} pixels, patches of ${P}` }, (c) => {
      c.output("y", c.graph.patches(c.input("pixels", [B!, 3, S!, S!]), P!));
    })
  ),
  ...windows.map(({ shape, ...attributes }) =>
    kernelCase({ kernel: "unfold", label: windowLabel(shape, attributes) }, (c) => {
      c.output("y", c.graph.unfold(c.input("x", shape), attributes));
    })
  ),
  ...[[1, 4], [3, 5], [2, 64]].map(([G, C]) =>
    kernelCase({ kernel: "cacheWrite", label: `rows at different starts, ${G} heads of ${C}` }, (c) => {
      const cache = c.state("cache", [3, 11, G!, C!]);
      c.graph.cacheWrite(cache, c.input("x", [3, 4, G!, C!]), {
        start: c.integers("start", [3], [0, 3, 7]),
      });
    })
  ),
  kernelCase({ kernel: "cacheWrite", label: "rows past the end, which are dropped" }, (c) => {
    const cache = c.state("cache", [4, 6, 1, 3]);
    c.graph.cacheWrite(cache, c.input("x", [4, 3, 1, 3]), {
      start: c.integers("start", [4], [4, 5, 6, 100]),
    });
    c.output("cache", cache);
  }),
  kernelCase({ kernel: "cacheWrite", label: "some rows in another order" }, (c) => {
    c.graph.cacheWrite(c.state("cache", [5, 11, 2, 4]), c.input("x", [3, 4, 2, 4]), {
      start: c.integers("start", [3], [0, 9, 7]),
      row: c.integers("row", [3], [4, 0, 2]),
    });
  }),
  kernelCase({ kernel: "cacheWrite", label: "one token a run for five runs", runs: 5 }, (c) => {
    const start = c.counter("start", [2], wholeNumbers(1, { count: 2, end: 4 }));
    c.graph.cacheWrite(c.state("cache", [2, 7, 2, 4]), c.input("x", [2, 1, 2, 4]), { start });
    c.graph.advance(start, 1);
  }),

  ...backwardCases,
];
