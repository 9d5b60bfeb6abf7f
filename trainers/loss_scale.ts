/**
 * Dynamic loss scale: small gradients would vanish in f16, so the loss is scaled before backward and the gradients are
 * scaled back before the update, as PyTorch's `GradScaler` does it.
 *
 * @module
 */

/** A scale and how long it has held. */
export interface LossScale {
  /** What gradients are multiplied by, a power of two. */
  readonly scale: number;
  /** Updates since it last changed. */
  readonly updates: number;
}

/** Where a run begins. */
export const startScale: LossScale = { scale: 65_536, updates: 0 };

/** Updates after which a scale that held is doubled. */
const PATIENCE = 2000;

/** Where doubling ends: further on nothing is left that could vanish. */
const LARGEST = 2 ** 24;

/** The scale after an update: half where it was left out because a gradient was not finite, at least 1. */
export function nextScale({ scale, updates }: LossScale, { applied }: { readonly applied: boolean }): LossScale {
  if (!applied) return { scale: Math.max(1, scale / 2), updates: 0 };
  if (updates + 1 < PATIENCE) return { scale, updates: updates + 1 };
  return { scale: Math.min(LARGEST, 2 * scale), updates: 0 };
}
