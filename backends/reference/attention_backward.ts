/**
 * Backward of position and attention: ropeBackward, attentionBackward.
 *
 * @module
 */
import { keyScores } from "./attention.ts";
import { accumulate, extent, type Operands } from "./operands.ts";
import { softmax } from "./softmax.ts";

/** dx [B,T,H,C] += dy with every pair turned back. */
export function ropeBackward({ dy, cos, sin, start, position, dx }: Operands<"ropeBackward">): void {
  const [B, T, H, C] = [extent(dy, 0), extent(dy, 1), extent(dy, 2), extent(dy, 3)];
  const half = C / 2;
  const last = extent(cos, 0) - 1;
  accumulate(dx, (sums) => {
    for (let row = 0; row < B * T * H; row++) {
      const [b, t] = [Math.floor(row / (T * H)), Math.floor(row / H) % T];
      const place = Math.min(position?.data[b * T + t] ?? (start?.data[b] ?? 0) + t, last);
      for (let i = 0; i < half; i++) {
        const [c, s] = [cos.data[place * half + i]!, sin.data[place * half + i]!];
        const [first, second] = [row * C + i, row * C + half + i];
        sums[first]! += dy.data[first]! * c + dy.data[second]! * s;
        sums[second]! += dy.data[second]! * c - dy.data[first]! * s;
      }
    }
  });
}

/**
 * With p = softmax(s), s = scale · q kᵀ and dp = dy vᵀ: ds = p · (dp − Σ p · dp), dq += scale · ds k, dk += scale · dsᵀ q,
 * dv += pᵀ dy.
 *
 * Σ p · dp is Σ dy · y too, which saves fast kernels a pass; here y, rounded to f32, is left alone. A query with
 * nothing to see passes gradients on like any other, as PyTorch has it.
 */
export function attentionBackward(operands: Operands<"attentionBackward">): void {
  const { q, k, v, keep, segment, dy, dq, dk, dv, causal, scale } = operands;
  const [B, T, H, C] = [extent(q, 0), extent(q, 1), extent(q, 2), extent(q, 3)];
  const [S, G] = [extent(k, 1), extent(k, 2)];
  const p = new Float64Array(S);
  const dp = new Float64Array(S);
  accumulate(dq, (dq) =>
    accumulate(dk, (dk) =>
      accumulate(dv, (dv) => {
        for (let row = 0; row < B * T * H; row++) {
          const [b, t, h] = [Math.floor(row / (T * H)), Math.floor(row / H) % T, row % H];
          const visible = causal ? t + 1 : S;
          const keyAt = (s: number) => ((b * S + s) * G + Math.floor(h / (H / G))) * C;
          const at = row * C;
          keyScores(p, { q, k, keep, segment, at, row: b * S, keyAt, visible, scale });
          softmax(p, visible);
          let mean = 0;
          for (let s = 0; s < visible; s++) {
            dp[s] = 0;
            for (let i = 0; i < C; i++) dp[s]! += dy.data[at + i]! * v.data[keyAt(s) + i]!;
            mean += p[s]! * dp[s]!;
          }
          for (let s = 0; s < visible; s++) {
            const ds = scale * p[s]! * (dp[s]! - mean);
            const key = keyAt(s);
            for (let i = 0; i < C; i++) {
              dq[at + i]! += ds * k.data[key + i]!;
              dk[key + i]! += ds * q.data[at + i]!;
              dv[key + i]! += p[s]! * dy.data[at + i]!;
            }
          }
        }
      })));
}
