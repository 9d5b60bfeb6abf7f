/**
 * Where a run is. Together with parameters and moments it is all that a run needs to go on: whatever is drawn at
 * random is drawn by counters from the seed and the cursor, so no generator has a state of its own.
 *
 * @module
 */

import type { LossScale } from "./loss_scale.ts";

/** A place in the data: the next batch. */
export interface Cursor {
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Batch of the epoch, from 0. */
  readonly batch: number;
}

/** Where a run is after an update. */
export interface RunState {
  /** The next batch. */
  readonly cursor: Cursor;
  /** Batches learnt from so far, over all epochs. */
  readonly batches: number;
  /** Updates done, which AdamW counts. */
  readonly updates: number;
  /** Updates left out because a gradient was not finite. */
  readonly skipped: number;
  /** Tokens so far, padding included. */
  readonly tokens: number;
  /** Smallest validation loss so far; absent before the first one. */
  readonly bestLoss?: number | undefined;
  /** Loss scale of mixed precision; absent in f32. */
  readonly lossScale?: LossScale | undefined;
}

/** The state of a run that has not begun. */
export const startState: RunState = {
  cursor: { epoch: 0, batch: 0 },
  batches: 0,
  updates: 0,
  skipped: 0,
  tokens: 0,
};

/**
 * Reads a state from parsed JSON.
 *
 * @throws {TypeError} naming the count that is missing or wrong
 */
export function parseRunState(input: unknown): RunState {
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  const state = isObject(input) ? input : {};
  const cursor = isObject(state["cursor"]) ? state["cursor"] : {};
  const count = (from: Record<string, unknown>, key: string): number => {
    const value = from[key];
    if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
    throw new TypeError(`Cannot read the state of a run: its ${key} is ${JSON.stringify(value)}`);
  };
  const best = state["bestLoss"];
  const scale = isObject(state["lossScale"]) ? state["lossScale"] : undefined;
  return {
    cursor: { epoch: count(cursor, "epoch"), batch: count(cursor, "batch") },
    batches: count(state, "batches"),
    updates: count(state, "updates"),
    skipped: count(state, "skipped"),
    tokens: count(state, "tokens"),
    ...typeof best === "number" && { bestLoss: best },
    ...scale !== undefined && { lossScale: { scale: count(scale, "scale"), updates: count(scale, "updates") } },
  };
}
