/**
 * Golden cases of small language models: hidden states, logits, losses, generation, gradients, training.
 *
 * @module
 */
import { bindModel, planParameters } from "../../core/model_plans.ts";
import { PlaceholderError } from "../../core/errors.ts";
import type { VisionLanguageModel } from "../../core/model.ts";
import { spliceIndex } from "../../core/placeholders.ts";
import type { SourceTensor } from "../../core/weights.ts";
import { type Batch, placeImages } from "./batch.ts";
import { checkBatch, type ExpectedLosses } from "./batch_checks.ts";
import { createCaseModel, generationOf } from "./case_model.ts";
import { type Check, verdictOf } from "./check.ts";
import { checkGeneration, type GenerationCase } from "./generation.ts";
import { checkLora } from "./lora.ts";
import { checkGradients, type ExpectedGradients } from "./gradients.ts";
import { findTensors, type Golden, type GoldenTensors, readTensors } from "./golden.ts";
import { type CaseKind, hasKeys, isObject, tooLarge, type VerifyContext } from "./kind.ts";
import { checkTraining, type TrainingCase } from "./training.ts";
import { checkManifest, manifestSource, type WeightManifest } from "./weight_manifest.ts";

/** A document of this kind. */
interface LanguageModelCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: WeightManifest;
  readonly inputs: Readonly<Record<string, ExpectedLosses>>;
  readonly generation?: GenerationCase;
  readonly adjacent_runs?: { readonly input_ids: readonly (readonly number[])[] };
  readonly gradients?: Readonly<Record<string, ExpectedGradients>>;
  readonly training?: TrainingCase;
}

/** Small language models. */
export const languageModelKind: CaseKind = {
  name: "language model",
  recognises: (document) =>
    hasKeys(document, "config", "weights") && isObject(document["config"]) && isObject(document["inputs"]),
  run,
};

async function* run(golden: Golden, context: VerifyContext): AsyncGenerator<Check> {
  const document = golden.document as unknown as LanguageModelCase;
  const { config, weights: manifest, adjacent_runs: adjacent, gradients = {}, training } = document;
  if (manifest.count > context.maxParameters) return yield tooLarge(manifest.count);
  const model = createCaseModel({ config, tensors: manifest.tensors });
  await using backend = await context.createBackend();

  const file = await findTensors(golden, "weights.safetensors");
  const source = new Map<string, SourceTensor>(file?.left ?? manifestSource(manifest));
  const weights = bindModel(backend, model, { sources: [source] });
  yield* checkManifest(manifest, { plan: planParameters(model), file });

  const inputs = await readTensors(golden, "inputs.safetensors");
  const expected = await readTensors(golden, "expected.safetensors");
  const batches = new Map<string, Batch>();
  for (const [name, losses] of Object.entries(document.inputs)) {
    // Upstream writes one of two adjacent images over the other; here they are an error.
    if (name.startsWith("adjacent")) {
      expected.drop(`${name}.`);
      yield raises(name, () => readBatch(inputs, name, model));
    } else {
      const batch = readBatch(inputs, name, model);
      batches.set(name, batch);
      yield* checkBatch({ backend, model, weights }, batch, { name, losses, expected });
    }
  }
  for (const ids of adjacent?.input_ids ?? []) {
    yield raises("adjacent_runs", () => spliceIndex(ids, model.placeholder, { images: 2 }));
  }
  if (document.generation !== undefined) {
    const stored = await readTensors(golden, "generation.safetensors");
    yield* checkGeneration({ backend, model, weights }, document.generation, stored);
  }
  const slopes = await findTensors(golden, "grads.safetensors") ?? expected;
  for (const [name, expected] of Object.entries(gradients)) {
    yield* checkGradients({ backend, model, weights }, batches.get(name)!, {
      name,
      document: expected,
      expected: slopes,
    });
  }
  yield expected.allCompared();
  if (slopes !== expected) yield slopes.allCompared("grads.compared");
  if (training !== undefined) {
    const after = await readTensors(golden, "train.safetensors");
    const trained = Array.from({ length: training.iters }, (_, i) => readBatch(inputs, `train.${i}`, model));
    const bound = { backend, model, weights, generation: generationOf(manifest.tensors) };
    yield* checkTraining(bound, training, { batches: trained, expected: after });
    yield after.allCompared("train.compared");
  }
  const lora = await findTensors(golden, "lora.safetensors");
  if (lora !== undefined) {
    const bound = { backend, model, weights };
    yield* checkLora(bound, { golden, source, batch: batches.get("img1")!, expected: lora });
  }
}

/** Reads a batch. @throws {PlaceholderError} if images touch */
function readBatch(inputs: GoldenTensors, name: string, model: VisionLanguageModel): Batch {
  const find = (part: string) => inputs.has(`${name}.${part}`) ? inputs.take(`${name}.${part}`) : undefined;
  const ids = inputs.take(`${name}.input_ids`);
  const shape = ids.shape as [number, number];
  const features = find("features"); // [B,perRow,N,C]
  const targets = find("targets")?.toInt32();
  const mask = find("loss_mask")?.toInt32();
  const labels = find("labels")?.toInt32();
  const values = ids.toInt32();
  return {
    shape,
    ids: values,
    index: placeImages(values, { model, shape, perRow: features?.shape[1] ?? 0 }),
    features: features?.toFloat32(),
    keep: find("attention_mask")?.toInt32(),
    targets: labels === undefined ? targets!.map((id, i) => mask![i] === 0 ? -1 : id) : shiftLabels(labels, shape[1]),
  };
}

/** Generation 3 stores labels in the place of their own token, −100 for none. */
function shiftLabels(labels: Int32Array, T: number): Int32Array {
  return labels.map((_, i) => (i + 1) % T === 0 ? -1 : Math.max(-1, labels[i + 1]!));
}

/** A stage that passes when images that touch are refused. */
function raises(stage: string, place: () => unknown): Check {
  try {
    place();
  } catch (error) {
    if (error instanceof PlaceholderError) return verdictOf(`${stage}.raises`, true, error.message);
    throw error;
  }
  return verdictOf(`${stage}.raises`, false, "no PlaceholderError");
}
