/**
 * A tiny model, batches of seeded noise, and runs with them, for tests of training.
 *
 * @module
 */
import type { Backend, Storage } from "../../core/backend.ts";
import { createModel, type VisionLanguageModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { trainableParameters } from "../../trainers/freeze.ts";
import type { FreezePolicy } from "../../trainers/freeze.ts";
import { type BatchSizes, type TrainBatch, TrainStep, type TrainStepOptions } from "../../trainers/train_step.ts";
import { seededValues, seededWeight } from "./seeded_run.ts";

/** Vocabulary of the model. */
const vocabulary = 40;
/** Features of an image. */
const grid = { tokens: 2, width: 6 };

/** Two rows of eight tokens, an image each. */
export const sizes: BatchSizes = { rows: 2, tokens: 8, images: 2 };

/** Two blocks of width 16 behind a two-layer projector. */
export function tinyModel(options: Record<string, unknown> = {}): VisionLanguageModel {
  const decoder = createMiniMind(parseMiniMindOptions({
    generation: 3,
    hidden_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 24,
    vocab_size: vocabulary,
    max_position_embeddings: 64,
    ...options,
  }));
  const projector = createMlpProjector({ input: grid, width: decoder.width });
  return createModel({ projector, decoder, placeholder: { marker: 1, tokens: grid.tokens, match: "run" } });
}

/** Parameters with values drawn from their names. */
export function seededWeights(backend: Backend, model: VisionLanguageModel): Map<string, Storage> {
  const weights = new Map<string, Storage>();
  for (const [name, tensor] of planParameters(model).storages) {
    if (tensor.role !== "parameter") continue;
    const storage = backend.alloc(tensor);
    backend.write(storage, seededWeight(tensor));
    weights.set(name, storage);
  }
  return weights;
}

/** A batch of the sizes above, or of another number of rows; each row has `labels` labels. */
export function seededBatch(name: string, { rows = 2, labels = 4 } = {}): TrainBatch {
  const T = sizes.tokens;
  const draw = (part: string) => seededValues(`${name}.${part}`, rows * T).map((x) => Math.floor((x + 1) / 2 * 38) + 2);
  const ids = Int32Array.from(draw("ids")); // [B,T]
  const targets = Int32Array.from(draw("targets"), (id, i) => i % T >= T - labels ? id : -100); // [B,T]
  const index = new Int32Array(rows * T).fill(-1); // [B,T]
  for (let b = 0; b < rows; b++) {
    for (let i = 0; i < grid.tokens; i++) {
      ids[b * T + i] = 1;
      index[b * T + i] = b * grid.tokens + i;
    }
  }
  return { ids, targets, index, features: seededValues(`${name}.features`, rows * grid.tokens * grid.width) };
}

/** A step that trains what a policy says. */
export function tinyStep(
  backend: Backend,
  options: Partial<TrainStepOptions> & { readonly policy?: FreezePolicy; readonly model?: VisionLanguageModel } = {},
): { readonly step: TrainStep; readonly weights: Map<string, Storage>; readonly model: VisionLanguageModel } {
  const { policy = "decoder", model = tinyModel(), ...rest } = options;
  const weights = seededWeights(backend, model);
  const trainable = trainableParameters(policy, [...weights.keys()]);
  return { step: new TrainStep(backend, model, { weights, sizes, trainable, ...rest }), weights, model };
}

/** The bits of all weights, one string for each. */
export async function bitsOf(backend: Backend, weights: ReadonlyMap<string, Storage>): Promise<Map<string, string>> {
  const bits = new Map<string, string>();
  for (const [name, storage] of weights) {
    const { buffer, byteOffset, byteLength } = await backend.read(storage);
    bits.set(name, new Uint8Array(buffer, byteOffset, byteLength).join());
  }
  return bits;
}
