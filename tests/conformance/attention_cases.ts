/**
 * Cases of rope and attention, and of what differentiates them.
 *
 * @module
 */
import { packedSegment, type RopePlaces } from "../../core/graph/graph.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { type CaseGraph, type KernelCase, kernelCase, noise, wholeNumbers } from "./case.ts";

/** Tables of angles position · 100^(−i / half). */
function ropeTables({ graph }: CaseGraph, { positions, half }: { positions: number; half: number }): [Tensor, Tensor] {
  const angle = (i: number) => Math.floor(i / half) * 100 ** (-(i % half) / half);
  const cos = Float32Array.from({ length: positions * half }, (_, i) => Math.cos(angle(i)));
  const sin = Float32Array.from({ length: positions * half }, (_, i) => Math.sin(angle(i)));
  return [graph.constant("cos", cos, [positions, half]), graph.constant("sin", sin, [positions, half])];
}

/** Extents and places of a case of rope. */
interface RopeSpec {
  readonly shape: readonly [number, number, number, number];
  readonly positions: number;
  readonly start?: readonly number[] | undefined;
  readonly position?: Iterable<number> | undefined;
}

function ropePlaces(c: CaseGraph, { shape, start, position }: Omit<RopeSpec, "positions">): RopePlaces {
  return {
    start: start && c.integers("start", [shape[0]], start),
    position: position && c.integers("position", [shape[0], shape[1]], position),
  };
}

function ropeCase(
  label: string,
  { shape, positions, start, position }: RopeSpec,
): KernelCase {
  return kernelCase({ kernel: "rope", label: `${label}, [${shape}]`, tolerance: 1e-5 }, (c) => {
    const [cos, sin] = ropeTables(c, { positions, half: shape[3] / 2 });
    c.output("y", c.graph.rope(c.input("x", shape), cos, sin, ropePlaces(c, { shape, start, position })));
  });
}

/** Extents and options of an attention case. */
interface AttentionSpec {
  readonly B?: number;
  readonly T: number;
  readonly S: number;
  readonly H: number;
  readonly G: number;
  readonly C: number;
  readonly causal: boolean;
  /** Keys before the first query. What lies behind the last visible key is huge, so that a leak shows. */
  readonly start?: readonly number[];
  readonly keep?: Iterable<number>;
  /** Row of k and v that each row of q reads; R of them, those that nobody reads are huge. */
  readonly row?: readonly number[];
  readonly R?: number;
  /** Segment of every key. */
  readonly segment?: Iterable<number>;
}

/** Segments of a row of `count` keys: of each sequence the length of its prefix, then of what is behind it. */
function segments(count: number, sequences: readonly (readonly number[])[]): number[] {
  const row = sequences.flatMap((lengths, sequence) =>
    lengths.flatMap((length, part) => Array(length).fill(packedSegment(sequence, part)))
  );
  return [...row, ...Array(count - row.length).fill(packedSegment(sequences.length, 0))];
}

function attentionCase(label: string, spec: AttentionSpec): KernelCase {
  const { B = 1, T, S, H, G, C, causal, start, keep, row, R = B, segment } = spec;
  const extents = `T ${T}, S ${S}, heads ${H}/${G} of ${C}`;
  return kernelCase({ kernel: "attention", label: `${label}, ${extents}`, tolerance: 1e-5 }, (c) => {
    const cache = (name: string) => {
      const numbers = noise(name, R * S * G * C);
      for (let r = 0; r < R; r++) {
        const readers = Array.from({ length: B }, (_, b) => b).filter((b) => (row?.[b] ?? b) === r);
        const seen = Math.max(0, ...readers.map((b) => causal ? Math.min((start?.[b] ?? 0) + T, S) : S));
        numbers.fill(1e6, (r * S + seen) * G * C, (r + 1) * S * G * C);
      }
      return c.input(name, [R, S, G, C], numbers);
    };
    const y = c.graph.attention(c.input("q", [B, T, H, C], noise("q", B * T * H * C, 3)), cache("k"), cache("v"), {
      causal,
      start: start && c.integers("start", [B], start),
      keep: keep && c.integers("keep", [B, S], keep),
      row: row && c.integers("row", [B], row),
      segment: segment && c.integers("segment", [B, S], segment),
    });
    c.output("y", y);
  });
}

/** A backward case of rope. */
function ropeBackwardCase(
  label: string,
  { shape, positions, start, position }: RopeSpec,
): KernelCase {
  return kernelCase({ kernel: "ropeBackward", label: `${label}, [${shape}]`, tolerance: 1e-5 }, (c) => {
    const [cos, sin] = ropeTables(c, { positions, half: shape[3] / 2 });
    const places = ropePlaces(c, { shape, start, position });
    c.graph.append("ropeBackward", { dy: c.input("dy", shape), cos, sin, ...places }, { dx: c.state("dx", shape) }, {});
  });
}

/** A backward case of attention; y is what the backend itself gives going forward. */
function attentionBackwardCase(label: string, spec: Omit<AttentionSpec, "start" | "row" | "R">): KernelCase {
  const { B = 1, T, S, H, G, C, causal, keep, segment } = spec;
  const what = `${label}, T ${T}, S ${S}, heads ${H}/${G} of ${C}`;
  return kernelCase({ kernel: "attentionBackward", label: what, tolerance: 2e-5 }, (c) => {
    const [queries, keys] = [[B, T, H, C], [B, S, G, C]];
    const q = c.input("q", queries, noise("q", B * T * H * C, 3));
    const [k, v] = [c.input("k", keys), c.input("v", keys)];
    const masks = {
      keep: keep && c.integers("keep", [B, S], keep),
      segment: segment && c.integers("segment", [B, S], segment),
    };
    const scale = 1 / Math.sqrt(C);
    const y = c.graph.attention(q, k, v, { causal, scale, ...masks });
    const outputs = { dq: c.state("dq", queries), dk: c.state("dk", keys), dv: c.state("dv", keys) };
    const inputs = { q, k, v, ...masks, y, dy: c.input("dy", queries) };
    c.graph.append("attentionBackward", inputs, outputs, { causal, scale });
  });
}

/** Cases of the backward kernels; they add to outputs that hold something already. */
const backwardCases: readonly KernelCase[] = [
  ropeBackwardCase("positions from zero", { shape: [1, 5, 1, 2], positions: 5 }),
  ropeBackwardCase("positions from zero", { shape: [2, 67, 3, 12], positions: 70 }),
  ropeBackwardCase("starts of their own", { shape: [2, 3, 4, 64], positions: 40, start: [30, 0] }),
  ropeBackwardCase("odd halves", { shape: [1, 7, 5, 6], positions: 9, start: [2] }),
  ropeBackwardCase("positions of their own", {
    shape: [2, 5, 3, 12],
    positions: 9,
    position: wholeNumbers(8, { count: 10, end: 11 }),
  }),
  ropeBackwardCase("padding past the table", { shape: [1, 5, 2, 4], positions: 8, start: [6] }),

  attentionBackwardCase("one key", { T: 1, S: 1, H: 1, G: 1, C: 4, causal: true }),
  ...[1, 4, 7, 12, 16, 64, 96].flatMap((C) => [
    attentionBackwardCase("causal", { T: 5, S: 5, H: 4, G: 2, C, causal: true }),
    attentionBackwardCase("all keys", { B: 2, T: 9, S: 9, H: 3, G: 3, C, causal: false }),
  ]),
  attentionBackwardCase("all keys, more than a block", { T: 129, S: 67, H: 2, G: 1, C: 16, causal: false }),
  attentionBackwardCase("causal, more than a block", { B: 2, T: 131, S: 131, H: 3, G: 3, C: 12, causal: true }),
  attentionBackwardCase("causal, more keys than queries", { T: 5, S: 9, H: 2, G: 2, C: 12, causal: true }),
  attentionBackwardCase("few queries on many keys", { T: 2, S: 257, H: 2, G: 2, C: 4, causal: false }),
  attentionBackwardCase("one query head a group of eight", { B: 2, T: 33, S: 33, H: 8, G: 1, C: 12, causal: true }),
  ...[4, 12, 32, 64].map((C) =>
    attentionBackwardCase("segments behind a prefix", {
      T: 61,
      S: 61,
      H: 4,
      G: 2,
      C,
      causal: true,
      segment: segments(61, [[19, 3, 12, 1, 22]]),
    })
  ),
  attentionBackwardCase("several sequences in a row, and rows of their own", {
    B: 2,
    T: 90,
    S: 90,
    H: 2,
    G: 1,
    C: 16,
    causal: true,
    segment: [...segments(90, [[8, 8, 16], [0, 5, 6], [30]]), ...segments(90, [[1, 1], [40, 20, 20]])],
  }),
  attentionBackwardCase("segments in any order, with padding", {
    T: 70,
    S: 70,
    H: 3,
    G: 3,
    C: 12,
    causal: true,
    segment: wholeNumbers(11, { count: 70, end: 4 }),
    keep: wholeNumbers(12, { count: 70, end: 2 }).map((kept, i) => i < 2 ? 1 : kept),
  }),
  attentionBackwardCase("padding on the right", {
    B: 2,
    T: 6,
    S: 6,
    H: 4,
    G: 2,
    C: 12,
    causal: true,
    keep: [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1],
  }),
  attentionBackwardCase("padding on the left, whose own rows see nothing", {
    B: 2,
    T: 5,
    S: 5,
    H: 2,
    G: 1,
    C: 16,
    causal: true,
    keep: [0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
  }),
  attentionBackwardCase("holes between keys", {
    B: 2,
    T: 3,
    S: 67,
    H: 2,
    G: 2,
    C: 64,
    causal: false,
    keep: wholeNumbers(5, { count: 134, end: 2 }),
  }),
];

/** Cases of position and attention. */
export const attentionCases: readonly KernelCase[] = [
  ropeCase("positions from zero", { shape: [1, 5, 1, 2], positions: 5 }),
  ropeCase("positions from zero", { shape: [2, 67, 3, 12], positions: 70 }),
  ropeCase("starts of their own", { shape: [2, 3, 4, 64], positions: 40, start: [30, 0] }),
  ropeCase("one token", { shape: [3, 1, 2, 96], positions: 129, start: [0, 64, 128] }),
  ropeCase("odd halves", { shape: [1, 7, 5, 6], positions: 9, start: [2] }),
  ropeCase("positions of their own", {
    shape: [2, 5, 3, 12],
    positions: 9,
    position: wholeNumbers(8, { count: 10, end: 11 }),
  }),
  ropeCase("padding past the table, which takes its last row", { shape: [1, 5, 2, 4], positions: 8, start: [6] }),

  attentionCase("one key", { T: 1, S: 1, H: 1, G: 1, C: 4, causal: true }),
  ...[1, 4, 7, 12, 16, 64, 96].flatMap((C) => [
    attentionCase("causal prefill", { T: 5, S: 5, H: 4, G: 2, C, causal: true }),
    attentionCase("one token over a partly filled cache", { T: 1, S: 37, H: 6, G: 2, C, causal: true, start: [20] }),
    attentionCase("a chunk behind a prefix", { T: 7, S: 64, H: 2, G: 1, C, causal: true, start: [30] }),
    attentionCase("all keys", { B: 2, T: 9, S: 9, H: 3, G: 3, C, causal: false }),
  ]),
  attentionCase("all keys, more than a block", { T: 129, S: 67, H: 2, G: 1, C: 16, causal: false }),
  attentionCase("causal prefill, more than a block", { T: 131, S: 131, H: 3, G: 3, C: 12, causal: true }),
  attentionCase("causal prefill into a longer cache", { T: 67, S: 130, H: 8, G: 2, C: 64, causal: true, start: [0] }),
  attentionCase("few queries on many keys", { T: 2, S: 257, H: 2, G: 2, C: 4, causal: false }),
  attentionCase("one query head a group of eight", { T: 3, S: 3, H: 8, G: 1, C: 4, causal: true }),
  attentionCase("starts of their own", { B: 3, T: 4, S: 33, H: 4, G: 2, C: 16, causal: true, start: [0, 5, 29] }),
  attentionCase("one token at starts of their own", {
    B: 3,
    T: 1,
    S: 9,
    H: 2,
    G: 1,
    C: 12,
    causal: true,
    start: [8, 0, 3],
  }),
  attentionCase("one token of some rows, two of one", {
    B: 4,
    T: 1,
    S: 21,
    H: 6,
    G: 2,
    C: 12,
    causal: true,
    start: [8, 0, 3, 20],
    row: [4, 0, 0, 2],
    R: 6,
  }),
  attentionCase("a chunk of one row of many", {
    T: 9,
    S: 33,
    H: 4,
    G: 2,
    C: 16,
    causal: true,
    start: [12],
    row: [2],
    R: 4,
  }),
  attentionCase("all keys of rows in another order", {
    B: 3,
    T: 5,
    S: 7,
    H: 2,
    G: 1,
    C: 4,
    causal: false,
    row: [2, 0, 1],
  }),
  attentionCase("padding past the cache", { B: 2, T: 4, S: 6, H: 2, G: 2, C: 4, causal: true, start: [4, 6] }),
  attentionCase("start of a call that is not causal", {
    B: 2,
    T: 2,
    S: 5,
    H: 2,
    G: 1,
    C: 4,
    causal: false,
    start: [1, 3],
  }),
  ...[4, 12, 32, 64].map((C) =>
    attentionCase("segments behind a prefix", {
      T: 61,
      S: 61,
      H: 4,
      G: 2,
      C,
      causal: true,
      segment: segments(61, [[19, 3, 12, 1, 22]]),
    })
  ),
  attentionCase("several sequences in a row, and rows of their own", {
    B: 2,
    T: 90,
    S: 90,
    H: 2,
    G: 1,
    C: 16,
    causal: true,
    segment: [...segments(90, [[8, 8, 16], [0, 5, 6], [30]]), ...segments(90, [[1, 1], [40, 20, 20]])],
  }),
  attentionCase("segments in any order, with padding", {
    T: 70,
    S: 70,
    H: 3,
    G: 3,
    C: 12,
    causal: true,
    segment: wholeNumbers(11, { count: 70, end: 4 }),
    keep: wholeNumbers(12, { count: 70, end: 2 }).map((kept, i) => i < 2 ? 1 : kept),
  }),
  attentionCase("one token of a segment over a cache", {
    B: 2,
    T: 1,
    S: 21,
    H: 4,
    G: 2,
    C: 12,
    causal: true,
    start: [15, 3],
    segment: [...segments(21, [[6, 5, 8]]), ...segments(21, [[2], [1, 1], [9]])],
  }),
  attentionCase("padding on the right", {
    B: 2,
    T: 6,
    S: 6,
    H: 4,
    G: 2,
    C: 12,
    causal: true,
    keep: [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1],
  }),
  attentionCase("padding on the left, whose own rows see nothing", {
    B: 2,
    T: 5,
    S: 5,
    H: 2,
    G: 1,
    C: 16,
    causal: true,
    keep: [0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
  }),
  attentionCase("holes between keys", {
    B: 2,
    T: 3,
    S: 67,
    H: 2,
    G: 2,
    C: 64,
    causal: false,
    keep: wholeNumbers(5, { count: 134, end: 2 }),
  }),
  attentionCase("nothing to keep in one row", {
    B: 2,
    T: 3,
    S: 4,
    H: 2,
    G: 1,
    C: 4,
    causal: false,
    keep: [0, 0, 0, 0, 1, 0, 1, 1],
  }),
  kernelCase({ kernel: "attention", label: "scores up to ±80", tolerance: 1e-5 }, (c) => {
    // Whole numbers, so that every backend sees the same scores to the last bit.
    const q = c.input("q", [1, 9, 1, 4], wholeNumbers(6, { count: 36, least: -4, end: 5 }));
    const k = c.input("k", [1, 9, 1, 4], wholeNumbers(7, { count: 36, least: -5, end: 6 }));
    c.output("y", c.graph.attention(q, k, c.input("v", [1, 9, 1, 4]), { causal: false, scale: 1 }));
  }),

  ...backwardCases,
];
