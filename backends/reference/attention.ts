/**
 * Position and attention: rope, attention.
 *
 * @module
 */
import { extent, type Operands } from "./operands.ts";
import { softmax } from "./softmax.ts";

/** y [B,T,H,C] = x with pair (i, i + C/2) turned by the angle of its position (Su et al. 2021, halves convention). */
export function rope({ x, cos, sin, start, position, y }: Operands<"rope">): void {
  const [B, T, H, C] = [extent(x, 0), extent(x, 1), extent(x, 2), extent(x, 3)];
  const half = C / 2;
  const last = extent(cos, 0) - 1;
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      // Padding after a prompt may stand past the table; what it holds is never looked at.
      const place = Math.min(position?.data[b * T + t] ?? (start?.data[b] ?? 0) + t, last);
      for (let h = 0; h < H; h++) {
        const at = ((b * T + t) * H + h) * C;
        for (let i = 0; i < half; i++) {
          const [c, s] = [cos.data[place * half + i]!, sin.data[place * half + i]!];
          const [first, second] = [x.data[at + i]!, x.data[at + half + i]!];
          y.data[at + i] = first * c - second * s;
          y.data[at + half + i] = second * c + first * s;
        }
      }
    }
  }
}

/** y [B,T,H,C] = softmax(scale · q kᵀ) v; head h reads key/value head h / (H / G) of its row's row of k and v. */
export function attention({ q, k, v, start, keep, row, segment, y, causal, scale }: Operands<"attention">): void {
  const [B, T, H, C] = [extent(q, 0), extent(q, 1), extent(q, 2), extent(q, 3)];
  const [S, G] = [extent(k, 1), extent(k, 2)];
  const scores = new Float64Array(S);
  const sums = new Float64Array(C);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      const visible = causal ? Math.min((start?.data[b] ?? 0) + t + 1, S) : S;
      for (let h = 0; h < H; h++) {
        const at = ((b * T + t) * H + h) * C;
        const group = Math.floor(h / (H / G));
        const keyAt = (s: number) => (((row?.data[b] ?? b) * S + s) * G + group) * C;
        keyScores(scores, { q, k, keep, segment, at, row: b * S, keyAt, visible, scale });
        softmax(scores, visible);
        sums.fill(0);
        for (let s = 0; s < visible; s++) {
          for (let i = 0; i < C; i++) sums[i]! += scores[s]! * v.data[keyAt(s) + i]!;
        }
        y.data.set(sums, at);
      }
    }
  }
}

/** One query and the keys it meets. */
export interface QueryKeys extends Pick<Operands<"attention">, "q" | "k" | "keep" | "segment" | "scale"> {
  /** Where the query's numbers begin in q. */
  readonly at: number;
  /** Where its row begins in keep and segment. */
  readonly row: number;
  /** Where key s begins in k. */
  readonly keyAt: (s: number) => number;
  /** How many keys it sees. */
  readonly visible: number;
}

/**
 * scores[s] = scale · q · k[s] of the visible keys, less 1e9 where a key is not kept, −∞ where it is of another segment;
 * the last visible key is the query's own.
 */
export function keyScores(
  scores: Float64Array,
  { q, k, keep, segment, at, row, keyAt, visible, scale }: QueryKeys,
): void {
  const width = extent(q, 3);
  const own = segment?.data[row + visible - 1];
  for (let s = 0; s < visible; s++) {
    const key = keyAt(s);
    let score = 0;
    for (let i = 0; i < width; i++) score += q.data[at + i]! * k.data[key + i]!;
    scores[s] = scale * score;
    // Rounded to f32, so that a row with nothing to see is an even mean everywhere and not only here.
    if (keep?.data[row + s] === 0) scores[s] = Math.fround(scores[s]! - 1e9);
    if (own !== undefined && !sees(own, segment!.data[row + s]!)) scores[s] = -Infinity;
  }
}

/** Whether a query of one segment sees a key of another: its own, or the prefix, whose low half is 0. */
function sees(own: number, key: number): boolean {
  return key === own || key === (own & -0x10000);
}
