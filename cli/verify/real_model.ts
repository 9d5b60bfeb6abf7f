/**
 * Golden cases of language models of real size: one prompt, weights and features drawn, rows and sums compared.
 *
 * @module
 */
import { bindModel, planParameters } from "../../core/model_plans.ts";
import { elementCount } from "../../core/graph/mod.ts";
import { placeImages } from "./batch.ts";
import { runInference } from "./batch_checks.ts";
import { createCaseModel, generationOf } from "./case_model.ts";
import { type Check, type Numbers, same, within } from "./check.ts";
import { type Golden, readTensors } from "./golden.ts";
import { type CaseKind, hasKeys, isObject, tooLarge, type VerifyContext } from "./kind.ts";
import { drawFloats, drawIntegers } from "./number_generator.ts";
import { argmax } from "./sampling.ts";
import { checkStatistics, pick, rowsOf, type Statistics, sum } from "./statistics.ts";
import { tolerances } from "./tolerances.ts";
import { checkManifest, hashed, manifestSource, type WeightManifest } from "./weight_manifest.ts";

/** A document of this kind. */
interface RealModelCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: WeightManifest;
  readonly prompt: {
    readonly length: number;
    readonly image_at: number;
    readonly image_tokens: number;
    readonly marker: number;
    readonly ids_generator_seed: number;
    readonly ids_range: readonly [low: number, high: number];
    readonly features_generator_seed: number;
    readonly features_a: number;
    readonly features_shape: readonly [B: number, perRow: number, N: number, C: number];
    readonly features_sha256_f32le: string;
  };
  readonly loss: number;
  readonly logits_stats: Statistics;
}

/** Gap between the two largest logits above which the largest must be the same. */
const sureGap = 1e-3;

/** Language models of real size. */
export const realModelKind: CaseKind = {
  name: "language model of real size",
  recognises: (document) => hasKeys(document, "config", "weights") && isObject(document["prompt"]),
  run,
};

async function* run(golden: Golden, context: VerifyContext): AsyncGenerator<Check> {
  const { config, weights: manifest, prompt, loss, logits_stats } = golden.document as unknown as RealModelCase;
  if (manifest.count > context.maxParameters) return yield tooLarge(manifest.count);
  const { image_tokens: imageTokens, marker } = prompt;
  const model = createCaseModel({ config, tensors: manifest.tensors, imageTokens, marker });
  await using backend = await context.createBackend();
  yield* checkManifest(manifest, { plan: planParameters(model) });
  const weights = bindModel(backend, model, { sources: [manifestSource(manifest)] });

  const expected = await readTensors(golden, "expected.safetensors");
  const { ids, last } = drawIds(prompt);
  const features = drawFeatures(prompt);
  yield same("input_ids", { actual: ids, expected: expected.integers("input_ids") });
  yield await hashed("features", features, prompt.features_sha256_f32le);

  const shape = [1, ids.length] as const;
  const index = placeImages(ids, { model, shape, perRow: prompt.features_shape[1] });
  const mask = expected.integers("loss_mask");
  const next = Int32Array.of(...ids.subarray(1), last);
  yield same("targets", { actual: next, expected: expected.integers("targets") });
  // Generation 2 masks the tokens that predict, generation 3 the tokens predicted, and the last predicts none.
  const shift = generationOf(manifest.tensors) === 2 ? 0 : 1;
  const targets = next.map((id, i) => mask[i + shift] === 1 ? id : -1);
  const computed = await runInference({ backend, model, weights }, { shape, ids, index, features, targets });

  const { hidden: hiddenTolerance, logits: logitsTolerance } = tolerances.real;
  const compare = (stage: string, actual: Numbers, tolerance: number) =>
    within(stage, { actual, expected: expected.floats(stage), tolerance });
  const rows = expected.integers("rows");
  const T = ids.length;
  for (const [stage, values] of computed.hidden) {
    if (!expected.has(`hidden_rows.${stage}`)) continue;
    yield compare(`hidden_rows.${stage}`, pick(rowsOf(values, T), rows), hiddenTolerance);
  }
  const logits = rowsOf(computed.logits, T); // T times [V]
  yield compare("logits_rows", pick(logits, rows), logitsTolerance);
  yield compare("logsumexp", logits.map(logSumExp), tolerances.logsumexp);
  yield compare("logits_sum", logits.map(sum), tolerances.sums);
  const gap = expected.floats("top1_top2_gap");
  const sure = (numbers: Numbers) => Array.from(numbers).filter((_, t) => gap[t]! > sureGap);
  yield same("argmax", { actual: sure(logits.map(argmax)), expected: sure(expected.integers("argmax")) });
  yield within("loss", { actual: computed.loss, expected: [loss], tolerance: tolerances.loss });
  yield* checkStatistics("logits_stats", computed.logits, { expected: logits_stats, tolerance: logitsTolerance });
  yield expected.allCompared();
}

/** The prompt's ids with the image markers in place, and the id that should follow the last. */
function drawIds(prompt: RealModelCase["prompt"]): { ids: Int32Array; last: number } {
  const { length, ids_generator_seed: seed, ids_range: [low, high], image_at: at } = prompt;
  const drawn = drawIntegers({ seed, count: length + 1 }, { low, high });
  drawn.fill(prompt.marker, at, at + prompt.image_tokens);
  return { ids: drawn.slice(0, length), last: drawn[length]! };
}

function drawFeatures({ features_generator_seed: seed, features_shape, features_a }: RealModelCase["prompt"]) {
  return drawFloats({ seed, count: elementCount(features_shape) }, { amplitude: features_a });
}

function logSumExp(row: Float32Array): number {
  const largest = row[argmax(row)]!;
  return largest + Math.log(sum(Array.from(row, (value) => Math.exp(value - largest))));
}
