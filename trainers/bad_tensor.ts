/**
 * Finds what was not finite when an update had to be left out.
 *
 * @module
 */
import type { Backend } from "../core/backend.ts";
import { elementCount } from "../core/graph/tensor.ts";
import type { TrainBatch } from "./batch.ts";
import type { TrainStep } from "./train_step.ts";

/** The first thing that is not finite. */
export interface BadTensor {
  /** Which of the batches brought it, from 0. */
  readonly batch: number;
  /** Parameter with a bad gradient; undefined where only the norm of all is too large for f32. */
  readonly parameter: string | undefined;
}

/**
 * Runs the batches of an update that was left out again, one by one, until a gradient is not finite. All gradients are
 * zero afterwards. It reads every gradient and is meant for the rare case.
 */
export async function findBadTensor(
  { step, backend }: { readonly step: TrainStep; readonly backend: Backend },
  batches: readonly TrainBatch[],
): Promise<BadTensor> {
  try {
    for (const [i, batch] of batches.entries()) {
      await step.backward(batch);
      for (const { name } of step.parameters) {
        const values = await backend.read(step.storage(`gradient.${name}`)!);
        if (!values.every(Number.isFinite)) return { batch: i, parameter: name };
      }
    }
    return { batch: batches.length - 1, parameter: undefined };
  } finally {
    for (const { name, shape } of step.parameters) {
      backend.write(step.storage(`gradient.${name}`)!, new Float32Array(elementCount(shape)));
    }
  }
}
