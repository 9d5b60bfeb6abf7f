/**
 * Golden cases of vision encoders, CLIP and SigLIP, small and of real size.
 *
 * @module
 */
import { elementCount, Graph, planGraph, type Tensor } from "../../core/graph/mod.ts";
import { bindWeights } from "../../core/weights.ts";
import { type ClipEncoder, createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createSiglip, parseSiglipOptions, type SiglipEncoder } from "../../encoders/siglip.ts";
import { type Check, within } from "./check.ts";
import { type Document, findTensors, type Golden, type GoldenTensors, readTensors } from "./golden.ts";
import { type CaseKind, hasKeys, isObject, tooLarge, type VerifyContext } from "./kind.ts";
import { drawFloats } from "./number_generator.ts";
import { runGraph } from "./run_graph.ts";
import { checkStatistics, pick, rowsOf, type Statistics, sum } from "./statistics.ts";
import { tolerances } from "./tolerances.ts";
import { checkManifest, hashed, manifestSource, type WeightManifest } from "./weight_manifest.ts";

/** A document of this kind. */
interface VisionCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: WeightManifest;
  readonly pixel_values: {
    readonly generator_seed: number;
    readonly a: number;
    readonly shape: readonly [B: number, channels: number, S: number, S: number];
    readonly sha256_f32le: string;
  };
}

/** Vision encoders. */
export const visionKind: CaseKind = {
  name: "vision encoder",
  recognises: (document) => hasKeys(document, "config", "weights") && isObject(document["pixel_values"]),
  run,
};

async function* run(golden: Golden, context: VerifyContext): AsyncGenerator<Check> {
  const { config, weights: manifest, pixel_values } = golden.document as unknown as VisionCase;
  if (manifest.count > context.maxParameters) return yield tooLarge(manifest.count);
  const isClip = manifest.tensors.some(({ name }) => name.endsWith("class_embedding"));
  const encoder = isClip ? createClip(parseClipOptions(config)) : createSiglip(parseSiglipOptions(config));
  await using backend = await context.createBackend();

  const { generator_seed: seed, shape, a: amplitude } = pixel_values;
  const pixels = drawFloats({ seed, count: elementCount(shape) }, { amplitude });
  yield await hashed("pixel_values", pixels, pixel_values.sha256_f32le);
  const { graph, states } = traceEncoder(encoder, shape);
  const file = await findTensors(golden, "weights.safetensors");
  const plan = planGraph(graph);
  const sources = [file?.left ?? manifestSource(manifest)];
  const weights = bindWeights(backend, [plan], { sources, ignores: encoder.ignores });
  yield* checkManifest(manifest, { plan, file });

  const outputs = await runGraph(backend, graph, { weights, inputs: { pixels } });
  const expected = await readTensors(golden, "expected.safetensors");
  if (expected.has("pixel_values")) {
    yield within("pixel_values.stored", { actual: pixels, expected: expected.floats("pixel_values"), tolerance: 0 });
  }
  const floats = (name: string) => outputs.get(name) as Float32Array;
  const traced = new Map(states.map((name) => [name, floats(name)]));
  const result = { traced, last: floats("last"), images: shape[0], width: encoder.output.width, isClip };
  const tolerance = expected.has("rows") ? tolerances.real.vision : tolerances.tiny.vision;
  yield* compareHidden(result, { expected, tolerance });
  yield* compareLast(result, { expected, tolerance, document: golden.document });
  if (isClip) {
    yield within("image_embeds", {
      actual: floats("image_embeds"),
      expected: expected.floats("image_embeds"),
      tolerance,
    });
  }
  yield expected.allCompared();
}

/** A graph with every traced state, the encoder's result as `last`, and of CLIP its `image_embeds` as outputs. */
function traceEncoder(
  encoder: ClipEncoder | SiglipEncoder,
  shape: readonly number[],
): { graph: Graph; states: string[] } {
  const graph = new Graph();
  const states: string[] = [];
  const pixels = graph.input("pixels", "f32", shape);
  const trace = (name: string, tensor: Tensor) => {
    states.push(name);
    graph.output(name, tensor);
  };
  graph.output("last", encoder.encode(graph, pixels, { trace }));
  if ("classEmbedding" in encoder) graph.output("image_embeds", encoder.classEmbedding(graph, pixels));
  return { graph, states };
}

/** What an encoder computed. */
interface Encoded {
  /** States on the way by name, `[B,N,D]`, of CLIP with the class token. */
  readonly traced: ReadonlyMap<string, Float32Array>;
  /** The encoder's result, `[B,N,D]`. */
  readonly last: Float32Array;
  /** B */
  readonly images: number;
  /** D */
  readonly width: number;
  /** Whether there is a class token. */
  readonly isClip: boolean;
}

interface Wanted {
  readonly expected: GoldenTensors;
  readonly tolerance: number;
}

/** Rows of the states on the way that a case of real size stores. */
const storedRows = [0, 1, 100];

/** Compares the states on the way: all of them, or some rows of some. */
function* compareHidden({ traced, isClip, images, width }: Encoded, { expected, tolerance }: Wanted): Generator<Check> {
  const compare = (stage: string, actual: ArrayLike<number>) =>
    within(stage, { actual, expected: expected.floats(stage), tolerance });
  const tokens = (state: Float32Array) => rowsOf(state, state.length / width);
  for (const [i, [name, state]] of [...traced].entries()) {
    const whole = isClip ? `hidden.${name}` : `hidden.${i}`;
    const some = `hidden_rows_with_cls.${name}`;
    if (expected.has(whole)) yield compare(whole, state);
    if (expected.has(some)) yield compare(some, pick(tokens(state), storedRows));
  }
  if (!isClip) return;
  const final = rowsOf([...traced.values()].at(-1)!, images);
  yield compare("cls_before_post_layernorm", final.flatMap((image) => [...image.subarray(0, width)]));
}

/** Compares the encoder's result: all of it, or rows, sums and statistics. */
function* compareLast(
  { last, isClip, width }: Encoded,
  { expected, tolerance, document }: Wanted & { readonly document: Document },
): Generator<Check> {
  const compare = (stage: string, actual: ArrayLike<number>, allowed = tolerance) =>
    within(stage, { actual, expected: expected.floats(stage), tolerance: allowed });
  const name = isClip ? "last_hidden_state_no_cls" : "last_hidden_state";
  const statistics = document[`${name}_stats`];
  if (isObject(statistics)) {
    yield* checkStatistics(`${name}_stats`, last, { expected: statistics as unknown as Statistics, tolerance });
  }
  if (expected.has(name)) yield compare(name, last);
  const tokens = rowsOf(last, last.length / width);
  if (expected.has("rows")) yield compare(`${name}_rows`, pick(tokens, expected.integers("rows")));
  const sums: Record<string, () => number[]> = {
    token_sum: () => tokens.map(sum),
    token_abs_sum: () => tokens.map((token) => sum(token.map(Math.abs))),
    channel_sum: () => Array.from({ length: width }, (_, channel) => sum(tokens.map((token) => token[channel]!))),
  };
  for (const [stage, compute] of Object.entries(sums)) {
    if (expected.has(stage)) yield compare(stage, compute(), tolerances.sums);
  }
}
