/**
 * Stages of a batch's gradients: of every parameter, d (loss + auxiliary loss) / d parameter.
 *
 * @module
 */
import { Graph, type Tensor } from "../../core/graph/mod.ts";
import { loss } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import { type Batch, embedBatch } from "./batch.ts";
import type { BoundModel } from "./batch_checks.ts";
import { type Check, type Numbers, same, within } from "./check.ts";
import type { GoldenTensors } from "./golden.ts";
import { runGraph } from "./run_graph.ts";
import { tolerances } from "./tolerances.ts";

/** What a document tells of a batch's gradients. */
export interface ExpectedGradients {
  /** Cross-entropy plus auxiliary loss in training. */
  readonly loss_plus_aux: number;
  /** Auxiliary loss. */
  readonly aux_loss: number;
  /** Parameters that the loss does not depend on. */
  readonly grad_is_none: readonly string[];
  /** Parameters whose gradient is zero everywhere. */
  readonly grad_is_all_zero: readonly string[];
}

/** Compares the gradients of a batch, which parameters have none, and those that are stored as `grad.{name}.…`. */
export async function* checkGradients(
  bound: BoundModel,
  batch: Batch,
  { name, document, expected }: { name: string; document: ExpectedGradients; expected: GoldenTensors },
): AsyncGenerator<Check> {
  const stage = (part: string) => `gradients.${name}.${part}`;
  const { total, auxLoss, gradients } = await runBackward(bound, { batch });
  const number = (part: string, tolerance: number, [actual, wanted]: [Numbers, number]) =>
    within(stage(part), { actual, expected: [wanted], tolerance });
  yield number("loss_plus_aux", tolerances.loss, [total, document.loss_plus_aux]);
  yield number("aux_loss", tolerances.auxLoss, [auxLoss, document.aux_loss]);

  // Upstream's generation 3 adds zero times the projector to the loss of a batch without images: a gradient of zeros.
  const { storages } = planParameters(bound.model);
  const parameters = [...storages.values()].filter(({ role }) => role === "parameter").map(({ name }) => name);
  const without = parameters.filter((name) => gradients.get(name)?.every((slope) => slope === 0) ?? true);
  const empty = [...document.grad_is_none, ...document.grad_is_all_zero];
  yield same(stage("none"), { actual: without.sort(), expected: empty.sort() });
  const prefix = `grad.${name}.`;
  if (![...expected.left.keys()].some((stored) => stored.startsWith(prefix))) return;
  const missing = [...gradients.keys()].filter((parameter) => !expected.has(prefix + parameter));
  yield same(stage("stored"), { actual: missing, expected: [] });
  for (const [parameter, actual] of gradients) {
    if (missing.includes(parameter)) continue;
    const wanted = expected.floats(prefix + parameter);
    yield within(stage(parameter), { actual, expected: wanted, tolerance: tolerances.gradients });
  }
}

/** Runs a batch forward and backward; by default every parameter is trainable. */
export async function runBackward(
  { backend, model, weights }: BoundModel,
  { batch, trainable }: { readonly batch: Batch; readonly trainable?: ((parameter: Tensor) => boolean) | undefined },
): Promise<{ total: Numbers; auxLoss: Numbers; gradients: Map<string, Float32Array> }> {
  const graph = new Graph();
  const { hidden, keep, targets, inputs } = embedBatch(graph, model, batch);
  const { total, auxLoss } = loss(graph, model, { hidden, keep, targets: targets! });
  graph.output("total", total);
  if (auxLoss !== undefined) graph.output("auxLoss", auxLoss);
  graph.backward(total, trainable);
  const parameters = [...graph.named.values()].filter(({ role, name }) =>
    role === "parameter" && graph.named.has(`gradient.${name}`)
  );
  for (const parameter of parameters) graph.output(parameter.name, graph.gradient(parameter));
  const outputs = await runGraph(backend, graph, { weights, inputs });
  return {
    total: outputs.get("total")!,
    auxLoss: outputs.get("auxLoss") ?? [0],
    gradients: new Map(parameters.map(({ name }) => [name, outputs.get(name) as Float32Array])),
  };
}
