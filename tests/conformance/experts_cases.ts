/**
 * Cases of route, dispatch, combine and balanceLoss, and of what differentiates them.
 *
 * @module
 */
import { type KernelCase, kernelCase, noise, wholeNumbers } from "./case.ts";

/** Logits in steps of a half: many of them tie. */
function coarse(seed: number, { count, scale }: { count: number; scale: number }): Float32Array {
  return noise(seed, count, scale).map((logit) => Math.round(logit * 2) / 2);
}

function routeCase(
  label: string,
  { M, E, k, normalise, logits }: { M: number; E: number; k: number; normalise: boolean; logits?: Float32Array },
): KernelCase {
  const what = `${label}, ${k} of ${E} experts, ${M} rows${normalise ? ", normalised" : ""}`;
  return kernelCase({ kernel: "route", label: what, tolerance: 1e-5 }, (c) => {
    const { scores, weight, expert } = c.graph.route(c.input("logits", [M, E], logits), { k, normalise });
    c.output("scores", scores);
    c.output("weight", weight);
    c.output("expert", expert);
  });
}

/** A backward case of route, with the gradients of which the initial is in `given`. */
function routeBackwardCase(
  { M, E, k, normalise, given }: { M: number; E: number; k: number; normalise: boolean; given: string },
): KernelCase {
  const names = [...given].map((initial) => initial === "s" ? "scores" : "weights").join(" and ");
  const label = `${names}, ${k} of ${E} experts, ${M} rows${normalise ? ", normalised" : ""}`;
  return kernelCase({ kernel: "routeBackward", label, tolerance: 1e-5 }, (c) => {
    const logits = c.input("logits", [M, E], noise("logits", M * E, 3));
    const { scores, weight, expert } = c.graph.route(logits, { k, normalise });
    const dscores = given.includes("s") ? c.input("dscores", [M, E]) : undefined;
    const dweight = given.includes("w") ? c.input("dweight", [M, k]) : undefined;
    const inputs = { scores, weight, expert, dscores, dweight };
    c.graph.append("routeBackward", inputs, { dlogits: c.state("dlogits", [M, E]) }, { normalise });
  });
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ...[true, false].flatMap((normalise) =>
    [[33, 4, 1], [17, 4, 2], [9, 3, 3], [131, 67, 6], [1, 1, 1]].flatMap(([M, E, k]) =>
      ["s", "w", "sw"].map((given) => routeBackwardCase({ M: M!, E: E!, k: k!, normalise, given }))
    )
  ),
  ...[[1, 1, 1], [7, 2, 5], [33, 1, 67], [67, 3, 64], [5, 4, 13]].flatMap(([M, k, D]) =>
    ["x", "w", "xw"].map((wanted) =>
      kernelCase(
        { kernel: "combineBackward", label: `d${wanted}, ${M} rows of ${D}, ${k} choices`, tolerance: 1e-5 },
        (c) => {
          const R = M! * k!;
          const order = c.integers("order", [R], Array.from({ length: R }, (_, i) => (i * 53 + 1) % R));
          const [x, weight] = [c.input("x", [R, D!]), c.input("weight", [M!, k!])];
          const dx = wanted.includes("x") ? c.state("dx", [R, D!]) : undefined;
          const dweight = wanted.includes("w") ? c.state("dweight", [M!, k!]) : undefined;
          const inputs = { x, order, weight, dy: c.input("dy", [M!, D!]) };
          c.graph.append("combineBackward", inputs, { dx, dweight }, {});
        },
      )
    )
  ),
  ...[true, false].flatMap((perRow) =>
    [[1, 1, 1, 1], [2, 7, 4, 2], [3, 67, 5, 1], [1, 130, 13, 3]].map(([B, T, E, k]) => {
      const label = `${B}×${T} tokens, ${k} of ${E} experts, ${perRow ? "per row" : "whole batch"}`;
      return kernelCase({ kernel: "balanceLossBackward", label, tolerance: 1e-6 }, (c) => {
        const expert = c.integers("expert", [B!, T!, k!], wholeNumbers(T!, { count: B! * T! * k!, end: E! }));
        const dscores = c.state("dscores", [B!, T!, E!]);
        const attributes = { factor: 0.3, perRow };
        c.graph.append("balanceLossBackward", { expert, dy: c.input("dy", [1], [50]) }, { dscores }, attributes);
      });
    })
  ),
];

/** Cases of the mixture of experts. */
export const expertsCases: readonly KernelCase[] = [
  ...[1, 2, 3, 4].flatMap((k) =>
    [true, false].flatMap((normalise) => [
      routeCase("noise", { M: 33, E: 4, k, normalise }),
      routeCase("ties", { M: 17, E: 4, k, normalise, logits: coarse(k, { count: 68, scale: 1 }) }),
    ])
  ),
  routeCase("one expert", { M: 3, E: 1, k: 1, normalise: true }),
  routeCase("noise", { M: 131, E: 67, k: 6, normalise: true }),
  routeCase("noise", { M: 1, E: 13, k: 13, normalise: false }),
  routeCase("only ties", { M: 2, E: 9, k: 5, normalise: true, logits: new Float32Array(18).fill(0.25) }),
  routeCase("logits up to ±80", { M: 5, E: 7, k: 1, normalise: true, logits: coarse(3, { count: 35, scale: 80 }) }),
  routeCase("logits up to ±40", { M: 5, E: 7, k: 3, normalise: false, logits: coarse(4, { count: 35, scale: 40 }) }),

  ...[[1, 1, 1], [7, 1, 4], [5, 2, 4], [67, 2, 5], [130, 3, 67], [33, 4, 4]].map(([M, k, E]) =>
    kernelCase({ kernel: "dispatch", label: `${M} rows, ${k} choices of ${E}` }, (c) => {
      const choices = wholeNumbers(M!, { count: M! * k!, end: E! });
      const { order, offsets } = c.graph.dispatch(c.integers("expert", [M!, k!], choices), E!);
      c.output("order", order);
      c.output("offsets", offsets);
    })
  ),
  ...[0, 3, 4].map((only) =>
    kernelCase({ kernel: "dispatch", label: `every row to expert ${only} of 5` }, (c) => {
      const { order, offsets } = c.graph.dispatch(c.integers("expert", [6, 1], new Int32Array(6).fill(only)), 5);
      c.output("order", order);
      c.output("offsets", offsets);
    })
  ),

  ...[[1, 1, 1, 1], [7, 2, 4, 5], [33, 1, 3, 67], [67, 3, 5, 64], [5, 4, 9, 13]].map(([M, k, E, D]) =>
    kernelCase({ kernel: "combine", label: `${M} rows of ${D}, ${k} choices of ${E}`, tolerance: 1e-5 }, (c) => {
      const choices = wholeNumbers(D!, { count: M! * k!, end: E! });
      const { order } = c.graph.dispatch(c.integers("expert", [M!, k!], choices), E!);
      c.output("y", c.graph.combine(c.input("x", [M! * k!, D!]), order, c.input("weight", [M!, k!])));
    })
  ),

  ...[true, false].flatMap((perRow) =>
    [[1, 1, 1, 1], [2, 7, 4, 2], [3, 67, 5, 1], [1, 130, 13, 3]].map(([B, T, E, k]) => {
      const label = `${B}×${T} tokens, ${k} of ${E} experts, ${perRow ? "per row" : "whole batch"}`;
      return kernelCase({ kernel: "balanceLoss", label, tolerance: 1e-5 }, (c) => {
        const scores = c.input("scores", [B!, T!, E!], noise(E!, B! * T! * E!).map(Math.abs));
        const expert = c.integers("expert", [B!, T!, k!], wholeNumbers(T!, { count: B! * T! * k!, end: E! }));
        c.output("y", c.graph.balanceLoss(scores, expert, { factor: 0.3, perRow }));
      });
    })
  ),

  ...backwardCases,
];
