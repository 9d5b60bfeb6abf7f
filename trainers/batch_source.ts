/**
 * Where batches come from.
 *
 * @module
 */
import type { TrainBatch } from "./batch.ts";
import type { Cursor } from "./run_state.ts";

/** Batches by place. The same place always gives the same batch, which is what makes a run resumable. */
export interface BatchSource {
  /** Batches of an epoch. */
  readonly batchesPerEpoch: number;
  /** The batch at a place; every one has the sizes of the step. */
  batch(cursor: Cursor): Promise<TrainBatch>;
}

/** Batches that are all in memory, the same in each epoch. */
export function memoryBatches(batches: readonly TrainBatch[]): BatchSource {
  return {
    batchesPerEpoch: batches.length,
    batch: ({ batch }) => Promise.resolve(batches[batch]!),
  };
}
