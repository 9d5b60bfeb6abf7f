/**
 * Stages of a LoRA adapter beside a case's model: logits adapted and merged, gradients of its matrices, and the
 * matrices after a few optimiser steps.
 *
 * @module
 */
import { Graph } from "../../core/graph/mod.ts";
import { forward } from "../../core/model.ts";
import { bindModel } from "../../core/model_plans.ts";
import type { TensorSource } from "../../core/weights.ts";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { readLora } from "../../data/lora_file.ts";
import { mergeLora } from "../../data/lora_merge.ts";
import { LoraTraining } from "../../trainers/lora.ts";
import { TrainStep } from "../../trainers/train_step.ts";
import { type Batch, embedBatch } from "./batch.ts";
import type { BoundModel } from "./batch_checks.ts";
import { type Check, type Numbers, same, within } from "./check.ts";
import { type Golden, type GoldenTensors, readFile } from "./golden.ts";
import { runBackward } from "./gradients.ts";
import { runGraph } from "./run_graph.ts";
import { tolerances } from "./tolerances.ts";
import { checkSpread } from "./training.ts";

/** Learning rate of the steps, with AdamW's defaults and gradients clipped at 1. */
const learningRate = 2e-3;

/** What {@link checkLora} compares with. */
export interface ExpectedLora {
  /** The case, with `adapter.safetensors` beside it. */
  readonly golden: Golden;
  /** The base's weights. */
  readonly source: TensorSource;
  /** What the adapter is tried on. */
  readonly batch: Batch;
  /** `logits`, `grad.…`, `after3.…` and the losses of the steps. */
  readonly expected: GoldenTensors;
}

/** Compares everything that is known of an adapter. */
export async function* checkLora(
  { backend, model, weights }: BoundModel,
  { golden, source, batch, expected }: ExpectedLora,
): AsyncGenerator<Check> {
  const name = "adapter.safetensors";
  const adapter = readLora(await openCheckpoint([{ name, bytes: await readFile(golden, name) }]));
  using lora = new LoraTraining(backend, { model, weights, start: adapter });
  const wanted = expected.floats("logits");
  const tolerance = tolerances.tiny.logits;
  const adapted = { backend, model: lora.model, weights: lora.weights };
  yield within("lora.logits", { actual: await logitsOf(adapted, batch), expected: wanted, tolerance });
  const merged = bindModel(backend, model, { sources: [mergeLora(source, [{ adapter }])] });
  const logits = await logitsOf({ backend, model, weights: merged }, batch);
  yield within("lora.merged.logits", { actual: logits, expected: wanted, tolerance });
  for (const storage of merged.values()) backend.free(storage);

  const { gradients } = await runBackward(adapted, { batch, trainable: ({ name }) => lora.trainable.has(name) });
  yield same("lora.trained", { actual: [...gradients.keys()].sort(), expected: [...lora.trainable].sort() });
  for (const [parameter, actual] of gradients) {
    const slopes = expected.floats(`grad.${parameter}`);
    yield within(`lora.gradients.${parameter}`, { actual, expected: slopes, tolerance: tolerances.gradients });
  }
  yield* checkSteps(lora, { ...adapted, batch, expected });
  yield expected.allCompared("lora.compared");
}

/** Trains the adapter on one batch. */
async function* checkSteps(
  lora: LoraTraining,
  { backend, model, batch, expected }: BoundModel & { readonly batch: Batch; readonly expected: GoldenTensors },
): AsyncGenerator<Check> {
  const { shape: [rows, tokens], ids, index, targets, features } = batch;
  const { input } = model.projector;
  const sizes = { rows, tokens, images: (features?.length ?? 0) / (input.tokens * input.width) };
  using step = new TrainStep(backend, model, { ...lora, sizes });
  const losses: number[] = [];
  const wanted = expected.floats("loss_plus_aux");
  for (let i = 0; i < wanted.length; i++) {
    losses.push((await step.backward({ ids, index, targets: targets!, images: features })).total);
    await step.update(learningRate);
  }
  yield within("lora.training.loss", { actual: losses, expected: wanted, tolerance: tolerances.trained.loss });
  const after: number[] = [], stored: number[] = [];
  for (const parameter of lora.trainable) {
    for (const number of await backend.read(lora.weights.get(parameter)!)) after.push(number);
    for (const number of expected.floats(`after${wanted.length}.${parameter}`)) stored.push(number);
  }
  yield checkSpread("lora.training.parameters", { actual: after, expected: stored, largest: learningRate });
}

async function logitsOf({ backend, model, weights }: BoundModel, batch: Batch): Promise<Numbers> {
  const graph = new Graph();
  const { hidden, keep, inputs } = embedBatch(graph, model, { ...batch, targets: undefined });
  graph.output("logits", forward(graph, model, { hidden, keep }).logits);
  return (await runGraph(backend, graph, { weights, inputs })).get("logits")!;
}
