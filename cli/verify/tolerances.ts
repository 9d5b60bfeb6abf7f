/**
 * How far numbers may be from the goldens: a few times the noise of f32, measured against f64 and between versions
 * of PyTorch.
 *
 * @module
 */

/** Largest absolute differences, by quantity. */
export const tolerances = {
  /** Models of some hundred thousand parameters. */
  tiny: { hidden: 1e-4, logits: 2e-4, vision: 5e-5 },
  /** Models of real size. */
  real: { hidden: 5e-4, logits: 5e-4, vision: 2e-4 },
  /** Log of the sum of exponentials of a row of logits. */
  logsumexp: 2e-5,
  /** Cross-entropy. */
  loss: 2e-5,
  /** Load-balancing loss of the routers. */
  auxLoss: 2e-6,
  /** Gradients of a parameter; the largest are around 1. */
  gradients: 3e-5,
  /** Parameters after three steps, by root mean square and of 99.9 %, and on the way there losses and relative norms. */
  trained: { rms: 5e-6, most: 1e-5, loss: 5e-5, norm: 5e-5 },
  /** Parameters and moments after AdamW on given gradients. */
  optimiser: 1e-6,
  /** Learning rates. */
  learningRate: 1e-12,
  /** Sums of hundreds to thousands of numbers of real-size models. */
  sums: 2e-2,
  /** Probabilities after all filters; the zeros must be the same. */
  probabilities: 1e-5,
  /** Pixels after normalising; the resized bytes before must be the same. */
  pixels: 1e-5,
  /** cos and sin of rotary positions. */
  rope: 1e-6,
} as const;
