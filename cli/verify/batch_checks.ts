/**
 * Stages of one batch: hidden states of every layer, logits and losses, as at inference and as in training.
 *
 * @module
 */
import type { Backend, Storages } from "../../core/backend.ts";
import { Graph } from "../../core/graph/mod.ts";
import { forward, loss, type VisionLanguageModel } from "../../core/model.ts";
import { type Batch, embedBatch } from "./batch.ts";
import { type Check, type Numbers, within } from "./check.ts";
import type { GoldenTensors } from "./golden.ts";
import { runGraph } from "./run_graph.ts";
import { tolerances } from "./tolerances.ts";

/** A model with its weights on a backend. */
export interface BoundModel {
  /** The model. */
  readonly model: VisionLanguageModel;
  /** Where it runs. */
  readonly backend: Backend;
  /** Its parameters there. */
  readonly weights: Storages;
}

/** Losses that a document tells of a batch. */
export interface ExpectedLosses {
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Load-balancing loss at inference. */
  readonly aux_loss_eval: number;
  /** Load-balancing loss in training. */
  readonly aux_loss_train: number;
  /** Mean cross-entropy in training, of models whose training computes otherwise. */
  readonly loss_train?: number;
}

/** Compares everything that is known of a batch; positions of padding are left out. */
export async function* checkBatch(
  bound: BoundModel,
  batch: Batch,
  { name, losses, expected }: { name: string; losses: ExpectedLosses; expected: GoldenTensors },
): AsyncGenerator<Check> {
  const { hidden: hiddenTolerance, logits: logitsTolerance } = tolerances.tiny;
  const compare = (stage: string, actual: Numbers, tolerance: number) => {
    const wanted = expected.floats(`${name}.${stage}`);
    const keep = (numbers: Numbers) => withoutPadding(numbers, batch);
    return within(`${name}.${stage}`, { actual: keep(actual), expected: keep(wanted), tolerance });
  };
  const number = (stage: string, tolerance: number, [actual, wanted]: [Numbers, number]) =>
    within(`${name}.${stage}`, { actual, expected: [wanted], tolerance });

  const inference = await runInference(bound, batch);
  for (const [stage, values] of inference.hidden) yield compare(`hidden.${stage}`, values, hiddenTolerance);
  yield compare("logits", inference.logits, logitsTolerance);
  yield number("loss", tolerances.loss, [inference.loss, losses.loss]);
  yield number("aux_loss_eval", tolerances.auxLoss, [inference.auxLoss, losses.aux_loss_eval]);

  const training = await runTraining(bound, batch);
  if (expected.has(`${name}.logits_train`)) yield compare("logits_train", training.logits, logitsTolerance);
  if (losses.loss_train !== undefined) {
    yield number("loss_train", tolerances.loss, [training.loss, losses.loss_train]);
  }
  yield number("aux_loss_train", tolerances.auxLoss, [training.auxLoss, losses.aux_loss_train]);
}

/** What a model computes for a batch. */
export interface Computed {
  /** Embeddings (`embed`), output of every block (`block.0`, …), after the last norm (`norm`): `[B,T,D]`. */
  readonly hidden: ReadonlyMap<string, Float32Array>;
  /** `[B,T,V]`. */
  readonly logits: Float32Array;
  /** Mean cross-entropy. */
  readonly loss: Numbers;
  /** Load-balancing loss, 0 where there is none. */
  readonly auxLoss: Numbers;
}

/** Runs a batch as at inference. */
export async function runInference({ backend, model, weights }: BoundModel, batch: Batch): Promise<Computed> {
  const graph = new Graph();
  const { hidden, keep, targets, inputs } = embedBatch(graph, model, batch);
  const output = forward(graph, model, { hidden, keep });
  const states = new Map([["embed", hidden], ...output.blocks.map((block, i) => [`block.${i}`, block] as const)]);
  states.set("norm", output.hidden);
  for (const [stage, tensor] of states) graph.output(stage, tensor);
  graph.output("logits", output.logits);
  const losses = loss(graph, model, { hidden, keep, targets: targets!, auxLoss: false });
  graph.output("loss", losses.total);
  const outputs = await runGraph(backend, graph, { weights, inputs });
  return {
    hidden: new Map([...states.keys()].map((stage) => [stage, outputs.get(stage) as Float32Array])),
    logits: outputs.get("logits") as Float32Array,
    loss: outputs.get("loss")!,
    auxLoss: losses.auxLoss === undefined && output.auxLoss === undefined ? [0] : [NaN],
  };
}

/** Runs a batch as in training. */
async function runTraining({ backend, model, weights }: BoundModel, batch: Batch): Promise<Omit<Computed, "hidden">> {
  const graph = new Graph();
  const { hidden, keep, targets, inputs } = embedBatch(graph, model, batch);
  const output = model.decoder.forward(graph, hidden, { keep, auxLoss: true });
  graph.output("logits", model.decoder.logits(graph, output.hidden));
  const losses = loss(graph, model, { hidden, keep, targets: targets!, auxLoss: true });
  graph.output("loss", losses.crossEntropy);
  if (losses.auxLoss !== undefined) graph.output("auxLoss", losses.auxLoss);
  const outputs = await runGraph(backend, graph, { weights, inputs });
  return {
    logits: outputs.get("logits") as Float32Array,
    loss: outputs.get("loss")!,
    auxLoss: outputs.get("auxLoss") ?? [0],
  };
}

/** The numbers of positions that are not padding, of values `[B,T,…]`. */
function withoutPadding(numbers: Numbers, { keep, shape: [B, T] }: Batch): Numbers {
  if (keep === undefined) return numbers;
  const width = numbers.length / (B * T);
  return Array.from(numbers).filter((_, i) => keep[Math.floor(i / width)] !== 0);
}
