/**
 * A text that tells frozen encoders apart, so that features of one are never taken for another's.
 *
 * @module
 */
import type { Backend, Storages } from "../core/backend.ts";
import { isGraphEncoder, type VisionEncoder } from "../core/encoder.ts";
import { uniform } from "../core/sampling.ts";
import { crc32 } from "../data/crc32.ts";
import { digestText, digestWeights } from "./digest.ts";
import type { FeatureEncoder } from "./feature_encoder.ts";
import { bytesOf } from "./tensor_stream.ts";

/** What {@link encoderId} asks. */
export interface EncoderIdOptions {
  /** The encoder as a part. */
  readonly encoder: VisionEncoder;
  /** Computes its features. */
  readonly features: FeatureEncoder;
  /** Its parameters; others may be among them. */
  readonly weights: Storages;
  /** Where they are. */
  readonly backend: Backend;
}

/**
 * The id of an encoder: its name, its weights, and what it makes of noise, for options decide that too. An encoder of
 * another runtime shows no weights, so of that one every bit of its features counts; of others three digits, which are
 * the same on every machine.
 */
export async function encoderId({ encoder, features, weights, backend }: EncoderIdOptions): Promise<string> {
  const { size } = encoder.pixels;
  const noise = Float32Array.from({ length: 3 * size * size }, (_, i) => 2 * uniform(42, i) - 1);
  const values = await features.encode(noise);
  if (!isGraphEncoder(encoder)) return await digestText(`${encoder.name} ${crc32(bytesOf(values))} ${summary(values)}`);
  const own = await digestWeights(backend, weights, (name) => !/^(model|lm_head|vision_proj)\./.test(name));
  return await digestText(`${encoder.name} ${own} ${summary(values)}`);
}

/** Mean sizes of eight parts. */
function summary(values: Float32Array): string {
  const part = Math.ceil(values.length / 8);
  return Array.from({ length: 8 }, (_, i) => {
    const own = values.subarray(i * part, (i + 1) * part);
    return (own.reduce((sum, value) => sum + Math.abs(value), 0) / own.length).toPrecision(3);
  }).join(" ");
}
