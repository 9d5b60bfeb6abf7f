/**
 * Stages of a few optimiser steps under a freeze policy: learning rates, losses, norms, and every parameter afterwards.
 *
 * @module
 */
import type { Backend, Storage, Storages } from "../../core/backend.ts";
import { planParameters } from "../../core/model_plans.ts";
import { parseFreezePolicy, trainableParameters } from "../../trainers/freeze.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import { TrainStep } from "../../trainers/train_step.ts";
import type { Batch } from "./batch.ts";
import type { BoundModel } from "./batch_checks.ts";
import { type Check, type Numbers, same, verdictOf, within } from "./check.ts";
import type { GoldenTensors } from "./golden.ts";
import { tolerances } from "./tolerances.ts";

/** `training` of a document. */
export interface TrainingCase {
  /** Peak learning rate. */
  readonly lr: number;
  /** Epochs of the schedule; only the first is run. */
  readonly epochs: number;
  /** Batches of an epoch. */
  readonly iters: number;
  /** Largest global norm. */
  readonly grad_clip: number;
  /** What comes of each policy, by upstream's name. */
  readonly policies: Readonly<Record<string, ExpectedTraining>>;
}

/** What comes of a policy. */
export interface ExpectedTraining {
  /** Loss of each batch, auxiliary loss included. */
  readonly loss_plus_aux: readonly number[];
  /** Learning rate of each step. */
  readonly lr: readonly number[];
  /** Global norm of the gradients of each step. */
  readonly grad_norm_before_clip: readonly number[];
  /** Parameters that are trained. */
  readonly trainable: readonly string[];
  /** Parameters that stay as they are. */
  readonly frozen_unchanged: readonly string[];
}

/** Trains under every policy of a case from the same weights, and compares with the tensors `after3.{policy}.…`. */
export async function* checkTraining(
  bound: BoundModel & { readonly generation: 2 | 3 },
  document: TrainingCase,
  { batches, expected }: { readonly batches: readonly Batch[]; readonly expected: GoldenTensors },
): AsyncGenerator<Check> {
  for (const [name, policy] of Object.entries(document.policies)) {
    const weights = await copyStorages(bound.backend, bound.weights);
    yield* checkPolicy({ ...bound, weights }, { name, document, policy, batches, expected });
    yield* checkFrozen(bound, { name, policy, weights });
    for (const copy of weights.values()) bound.backend.free(copy);
  }
}

interface PolicyRun {
  readonly name: string;
  readonly document: TrainingCase;
  readonly policy: ExpectedTraining;
  readonly batches: readonly Batch[];
  readonly expected: GoldenTensors;
}

/** One step a batch, and what it leads to. */
async function* checkPolicy(
  { backend, model, weights, generation }: BoundModel & { readonly generation: 2 | 3 },
  { name, document, policy, batches, expected }: PolicyRun,
): AsyncGenerator<Check> {
  const stage = (part: string) => `training.${name}.${part}`;
  const schedule = cosineSchedule({
    learningRate: document.lr,
    totalSteps: document.epochs * document.iters,
    generation,
  });
  const names = [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter");
  const trainable = trainableParameters(parseFreezePolicy(name), names.map(({ name }) => name));
  yield same(stage("trainable"), { actual: [...trainable].sort(), expected: [...policy.trainable].sort() });

  const { shape: [rows, tokens], features } = batches[0]!;
  const { input } = model.projector;
  const images = (features?.length ?? 0) / (input.tokens * input.width);
  const sizes = { rows, tokens, images };
  using step = new TrainStep(backend, model, { weights, sizes, trainable, clip: document.grad_clip });
  const [rates, losses, norms]: number[][] = [[], [], []];
  for (const [i, { ids, targets, features, index }] of batches.entries()) {
    rates!.push(schedule(i));
    losses!.push((await step.backward({ ids, targets: targets!, images: features, index })).total);
    norms!.push((await step.update(schedule(i))).norm);
  }
  yield within(stage("learning_rate"), { actual: rates!, expected: policy.lr, tolerance: tolerances.learningRate });
  yield within(stage("loss"), { actual: losses!, expected: policy.loss_plus_aux, tolerance: tolerances.trained.loss });
  const relative = norms!.map((norm, i) => norm / policy.grad_norm_before_clip[i]!);
  yield within(stage("norm"), { actual: relative, expected: norms!.map(() => 1), tolerance: tolerances.trained.norm });

  const after: number[] = [], wanted: number[] = [];
  for (const parameter of policy.trainable) {
    for (const number of await backend.read(weights.get(parameter)!)) after.push(number);
    for (const number of expected.floats(`after3.${name}.${parameter}`)) wanted.push(number);
  }
  yield checkSpread(stage("parameters"), { actual: after, expected: wanted, largest: document.lr });
}

/** Adam divides tiny gradients by themselves, so that some numbers may be far off while nearly all are close. */
export function checkSpread(
  stage: string,
  { actual, expected, largest }: { actual: Numbers; expected: Numbers; largest: number },
): Check {
  const { rms: limit, most } = tolerances.trained;
  const differences = Array.from(actual, (number, i) => Math.abs(number - expected[i]!)).sort((a, b) => a - b);
  const rms = Math.sqrt(differences.reduce((sum, difference) => sum + difference ** 2, 0) / differences.length);
  const nearlyAll = differences[Math.ceil(0.999 * differences.length) - 1]!;
  const worst = differences.at(-1)!;
  const fine = actual.length === expected.length && rms <= limit && nearlyAll <= most && worst <= largest;
  const show = (number: number) => number.toExponential(1);
  const detail = `rms ${show(rms)} of ${show(limit)}, 99.9 % within ${show(nearlyAll)} of ${show(most)}, ` +
    `all within ${show(worst)} of ${show(largest)}`;
  return verdictOf(stage, fine, detail);
}

/** Compares the frozen parameters with what they were, bit for bit. */
async function* checkFrozen(
  { backend, weights: before }: BoundModel,
  { name, policy, weights }: { name: string; policy: ExpectedTraining; weights: Storages },
): AsyncGenerator<Check> {
  const changed: string[] = [];
  for (const parameter of policy.frozen_unchanged) {
    const [was, is] = [await backend.read(before.get(parameter)!), await backend.read(weights.get(parameter)!)];
    if (was.some((number, i) => number !== is[i])) changed.push(parameter);
  }
  yield same(`training.${name}.frozen`, { actual: changed, expected: [] });
}

/** Storages of their own with the same numbers. */
async function copyStorages(backend: Backend, storages: Storages): Promise<Map<string, Storage>> {
  const copies = new Map<string, Storage>();
  for (const [name, storage] of storages) {
    const copy = backend.alloc(storage.spec);
    backend.write(copy, await backend.read(storage));
    copies.set(name, copy);
  }
  return copies;
}
