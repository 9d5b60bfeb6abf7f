/**
 * Log-probabilities of tokens: the log softmax of the model's logits as they are, before penalties, temperature and
 * filters, as OpenAI and llama.cpp mean them.
 *
 * @module
 */

/** An id and how likely the model took it to be. */
export interface TokenLogprob {
  /** The id. */
  readonly id: number;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
}

/** How likely an id was that was drawn, and those the model took to be likeliest in its place. */
export interface DrawnLogprob extends TokenLogprob {
  /** The likeliest ids, likeliest first, of equal ones the lower id. */
  readonly topLogprobs: readonly TokenLogprob[];
}

/** Log-probabilities of an id and of the `top` likeliest ones, from logits `[V]`. */
export function logprobsOf(
  logits: Float32Array,
  { id, top }: { readonly id: number; readonly top: number },
): DrawnLogprob {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  const total = max + Math.log(sum);
  const topLogprobs = largest(logits, top).map((id): TokenLogprob => ({ id, logprob: logits[id]! - total }));
  return { id, logprob: logits[id]! - total, topLogprobs };
}

/** Places of the `count` largest numbers, the largest first, of equal ones the first. */
function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  if (count === 0) return best;
  for (let i = 0; i < values.length; i++) {
    if (best.length === count && !(values[i]! > values[best.at(-1)!]!)) continue;
    let place = best.length;
    while (place > 0 && values[best[place - 1]!]! < values[i]!) place--;
    best.splice(place, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}
