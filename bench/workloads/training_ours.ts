/**
 * Our training step.
 *
 * @module
 */
import type { Backend, Storage } from "../../engine.ts";
import { TrainStep } from "../../trainers/train_step.ts";
import {
  adamw,
  batch,
  clip,
  freshWeights,
  parameters,
  type Trainer,
  type TrainingCase,
  usual,
} from "./training_case.ts";

/** Our training step, and the plan of its forward and backward pass. */
export interface OurTrainer extends Trainer {
  /** Both programs. */
  readonly train: TrainStep;
}

/** What may differ from the case that everyone is measured on. */
export interface OurOptions {
  /** What is trained. Default the usual case. */
  readonly given?: TrainingCase;
  /** Rows B of the batch. Default those of the case. */
  readonly rows?: number;
  /** Whether activations are recomputed. Default false. */
  readonly recompute?: boolean;
}

/** Puts fresh weights on a backend and records the step. */
export function trainOurs(
  backend: Backend,
  name: string,
  { given = usual, rows = given.sizes.rows, recompute = false }: OurOptions = {},
): OurTrainer {
  const fresh = freshWeights(given);
  const weights = new Map<string, Storage>();
  for (const parameter of parameters(given)) {
    const storage = backend.alloc(parameter);
    backend.write(storage, fresh.get(parameter.name)!.toFloat32());
    weights.set(parameter.name, storage);
  }
  const train = new TrainStep(backend, given.model, {
    weights,
    sizes: { ...given.sizes, rows },
    trainable: new Set(weights.keys()),
    clip,
    adamw,
    recompute,
  });
  const examples = batch(given, rows);
  return {
    name,
    train,
    async step() {
      const { crossEntropy } = await train.backward(examples);
      await train.update(adamw.learningRate);
      return crossEntropy;
    },
    dispose() {
      train[Symbol.dispose]();
      for (const storage of weights.values()) backend.free(storage);
      return Promise.resolve();
    },
  };
}
