/**
 * Learning rates over the steps of a run.
 *
 * @module
 */

/** Options of {@link cosineSchedule}. */
export interface ScheduleOptions {
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Optimiser steps of the whole run. */
  readonly totalSteps: number;
  /** Steps over which the rate rises from 0, before the cosine takes over. Default 0. */
  readonly warmupSteps?: number | undefined;
  /**
   * Whose cosine: 2 is lr·(0.1 + 0.5·(1 + cos(π·s/total))) with s from 0, which starts at 1.1·lr (MiniMind2-V's
   * `get_lr`); 3 is lr·(0.1 + 0.45·(1 + cos(π·s/total))) with s from 1 (minimind-3v's). Both end near 0.1·lr.
   * Default 3.
   */
  readonly generation?: 2 | 3 | undefined;
}

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number;

/**
 * Upstream's cosine from the peak to a tenth of it, with an optional warm-up.
 *
 * @throws {RangeError} if there are no steps, or the warm-up is as long as the run
 */
export function cosineSchedule(options: ScheduleOptions): Schedule {
  const { learningRate, totalSteps, warmupSteps = 0, generation = 3 } = options;
  if (!Number.isInteger(totalSteps) || totalSteps < 1) throw new RangeError(`Cannot schedule ${totalSteps} steps`);
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0 || warmupSteps >= totalSteps) {
    throw new RangeError(`Cannot schedule a warm-up of ${warmupSteps} in ${totalSteps} steps`);
  }
  const [first, half] = generation === 2 ? [0, 0.5] : [1, 0.45];
  return (step) => {
    if (step < warmupSteps) return learningRate * (step + 1) / warmupSteps;
    const progress = (step - warmupSteps + first) / (totalSteps - warmupSteps);
    return learningRate * (0.1 + half * (1 + Math.cos(Math.PI * progress)));
  };
}
