/**
 * Measures a model at work: encoding an image, taking in a prompt, drawing tokens.
 *
 * @module
 */
import type { Backend, Storages } from "../../core/backend.ts";
import { createGenerator, type TokenGenerator } from "../../core/generate.ts";
import { ImageEncoder } from "../../core/image_encoder.ts";
import type { VisionLanguageModel } from "../../core/model.ts";

/** A model on a backend. */
export interface BoundModel {
  /** Memory and kernels. */
  readonly backend: Backend;
  /** The parts. */
  readonly model: VisionLanguageModel;
  /** Their parameters on the backend. */
  readonly weights: Storages;
}

/** How much is done. */
export interface BenchSizes {
  /** Tokens of the prompt. */
  readonly promptTokens: number;
  /** Tokens drawn after it. */
  readonly newTokens: number;
  /** Times that all is measured, after once unmeasured. */
  readonly rounds: number;
}

/** Milliseconds of each round. */
export interface BenchTimes {
  /** One image through encoder and projector; none without an encoder. */
  readonly encode: readonly number[];
  /** The prompt, up to the first token. */
  readonly prefill: readonly number[];
  /** The other tokens. */
  readonly decode: readonly number[];
}

/** Measures a model. */
export async function measureModel(
  { backend, model, weights }: BoundModel,
  { promptTokens, newTokens, rounds }: BenchSizes,
): Promise<BenchTimes> {
  const times = { encode: [] as number[], prefill: [] as number[], decode: [] as number[] };
  using encoder = model.encoder === undefined ? undefined : new ImageEncoder(backend, model, { weights });
  using generator = createGenerator(backend, model, { weights, context: promptTokens + newTokens });
  for (let round = -1; round < rounds; round++) {
    const encode = encoder === undefined ? 0 : await timeEncode(encoder, model);
    const { prefill, decode } = await timeAnswer(generator, { round, model, promptTokens, newTokens });
    if (round < 0) continue; // programs were loaded
    if (encoder !== undefined) times.encode.push(encode);
    times.prefill.push(prefill);
    times.decode.push(decode);
  }
  return times;
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

async function timeEncode(encoder: ImageEncoder, { encoder: vision }: VisionLanguageModel): Promise<number> {
  const { size } = vision!.pixels;
  const pixels = new Float32Array(3 * size * size).fill(0.5);
  const start = performance.now();
  await encoder.encode(pixels);
  return performance.now() - start;
}

async function timeAnswer(
  generator: TokenGenerator,
  { round, model: { decoder: { vocabulary } }, promptTokens, newTokens }: {
    readonly round: number;
    readonly model: VisionLanguageModel;
    readonly promptTokens: number;
    readonly newTokens: number;
  },
): Promise<{ prefill: number; decode: number }> {
  // Other ids each round, so that nothing of the prompt is still in the cache.
  const ids = Int32Array.from({ length: promptTokens }, (_, i) => (i * 37 + (round + 2) * 11) % vocabulary);
  const index = new Int32Array(promptTokens).fill(-1);
  const start = performance.now();
  let first = 0;
  for await (const _ of generator.generate({ ids, index, maxNewTokens: newTokens })) {
    if (first === 0) first = performance.now();
  }
  return { prefill: first - start, decode: performance.now() - first };
}
