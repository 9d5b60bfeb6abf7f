/**
 * A tiny model, batches of seeded noise, and runs with them, for tests of training.
 *
 * @module
 */
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend, Storage } from "../../core/backend.ts";
import type { GraphEncoder } from "../../core/encoder.ts";
import { elementCount } from "../../core/graph/tensor.ts";
import { createModel, type VisionLanguageModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import type { FileStore } from "../../data/hub/mod.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import type { BatchSizes, TrainBatch } from "../../trainers/batch.ts";
import { memoryBatches } from "../../trainers/batch_source.ts";
import { CheckpointStore } from "../../trainers/checkpoint_store.ts";
import { trainableParameters } from "../../trainers/freeze.ts";
import type { FreezePolicy } from "../../trainers/freeze.ts";
import type { ImageInput } from "../../trainers/image_input.ts";
import { type AccumulationTail, train } from "../../trainers/loop.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import type { LossScale } from "../../trainers/loss_scale.ts";
import { TrainStep, type TrainStepOptions } from "../../trainers/train_step.ts";
import { seededValues, seededWeight } from "./seeded_run.ts";

/** Vocabulary of the model. */
const vocabulary = 40;
/** Features of an image where there is no encoder. */
const grid = { tokens: 2, width: 6 };
const features: Pick<ImageInput, "shape" | "tokens"> = { shape: [grid.tokens, grid.width], tokens: grid.tokens };

/** Two rows of eight tokens, an image each. */
export const sizes: BatchSizes = { rows: 2, tokens: 8, images: 2 };

/** Three blocks of width 16 behind a two-layer projector, and an encoder where one is given. */
export function tinyModel(options: Record<string, unknown> = {}, encoder?: GraphEncoder): VisionLanguageModel {
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
  const input = encoder?.output ?? grid;
  const projector = createMlpProjector({ input, width: decoder.width });
  const placeholder = { marker: 1, tokens: input.tokens, match: "run" } as const;
  return createModel({ encoder, projector, decoder, placeholder });
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

/** A batch of the sizes above, or of another number of rows; each row has an image and `labels` labels. */
export function seededBatch(
  name: string,
  { rows = 2, labels = 4, imageInput: { shape, tokens } = features } = {},
): TrainBatch {
  const T = sizes.tokens;
  const draw = (part: string) => seededValues(`${name}.${part}`, rows * T).map((x) => Math.floor((x + 1) / 2 * 38) + 2);
  const ids = Int32Array.from(draw("ids")); // [B,T]
  const targets = Int32Array.from(draw("targets"), (id, i) => i % T >= T - labels ? id : -100); // [B,T]
  const index = new Int32Array(rows * T).fill(-1); // [B,T]
  for (let b = 0; b < rows; b++) {
    for (let i = 0; i < tokens; i++) {
      ids[b * T + i] = 1;
      index[b * T + i] = b * tokens + i;
    }
  }
  return { ids, targets, index, images: seededValues(`${name}.features`, rows * elementCount(shape)) };
}

/** What a step of {@link tinyStep} is made of. */
export interface TinyStepOptions extends Partial<TrainStepOptions> {
  /** What is trained. Default `decoder`. */
  readonly policy?: FreezePolicy;
  /** The model. Default a new one without an encoder. */
  readonly model?: VisionLanguageModel;
}

/** A step that trains what a policy says. */
export function tinyStep(
  backend: Backend,
  options: TinyStepOptions = {},
): { readonly step: TrainStep; readonly weights: Map<string, Storage>; readonly model: VisionLanguageModel } {
  const { policy = "decoder", model = tinyModel(), ...rest } = options;
  const weights = seededWeights(backend, model);
  const trainable = trainableParameters(policy, [...weights.keys()]);
  return { step: new TrainStep(backend, model, { weights, sizes, trainable, ...rest }), weights, model };
}

/** Options of {@link resumableRun}. */
export interface ResumableRunOptions extends TinyStepOptions {
  /** Updates after which the run ends as if it were killed. Default never. */
  readonly updates?: number;
  /** Batches between checkpoints. Default 1. */
  readonly saveEvery?: number;
  /** Makes the backend. Default wasm on one thread. */
  readonly makeBackend?: () => Promise<Backend>;
  /** Where mixed precision begins. Default as it does by itself. */
  readonly lossScale?: LossScale;
  /** What becomes of batches left at the end of an epoch. Default `flush`. */
  readonly tail?: AccumulationTail;
}

/**
 * Runs a new process's worth of two epochs of three batches: from the newest checkpoint of a store, or the start.
 * Resolves to the bits of all weights at the end, and of what the run gives in their place, `result.<name>`.
 */
export async function resumableRun(store: FileStore, options: ResumableRunOptions = {}): Promise<Map<string, string>> {
  const { updates = Infinity, saveEvery = 1, tail, makeBackend, lossScale, ...rest } = options;
  await using backend = await (makeBackend?.() ?? createWasmBackend({ threads: 1 }));
  const { step, weights } = tinyStep(backend, rest);
  using _ = step;
  if (lossScale !== undefined) step.lossScale = lossScale;
  const checkpoints = new CheckpointStore(store);
  const last = await checkpoints.load();
  last?.restore({ step, backend });
  const events = train({
    step,
    backend,
    batches: memoryBatches(["a", "b", "c"].map((name) => seededBatch(name, step))),
    schedule: cosineSchedule({ learningRate: 3e-3, totalSteps: 6 }),
    epochs: 2,
    accumulation: rest.accumulation,
    tail,
    state: last?.state,
    save: (state) => checkpoints.save({ step, backend }, { state, config: "test", seed: 42 }),
    saveEvery,
  });
  let saved = 0;
  for await (const { type } of events) if (type === "checkpoint" && ++saved === updates) break;
  return await bitsOf(
    backend,
    new Map([
      ...weights,
      ...[...step.result].map(([name, storage]) => {
        return [`result.${name}`, storage] as const;
      }),
    ]),
  );
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
