/**
 * What pixels a vision model takes, from its `preprocessor_config.json`.
 *
 * @module
 */
import type { PixelSpec } from "../core/encoder.ts";
import { ConfigError } from "../core/errors.ts";
import { Fields } from "../core/fields.ts";
import type { PixelOptions } from "./pixel_options.ts";

/** Options of {@link processorPixels}. */
export interface ProcessorOptions {
  /** Name of the model for messages. */
  readonly what: string;
  /** What the user says, which goes before what the file says. */
  readonly given: PixelOptions;
  /** Told where the file asks for something that a {@link PixelSpec} cannot say. */
  readonly notice: (message: string) => void;
}

/**
 * The pixels that a parsed `preprocessor_config.json` asks for; an absent one leaves it all to the user.
 *
 * @throws {ConfigError} naming what neither of them says, or says in a way that is not known here
 */
export function processorPixels(config: unknown, { what, given, notice }: ProcessorOptions): PixelSpec {
  const fields = new Fields(config ?? {}, `preprocessor_config.json of ${what}`);
  const values = (config ?? {}) as Readonly<Record<string, unknown>>;
  const crops = fields.boolean("do_center_crop", fields.has("crop_size"));
  const resized = edgeOf(fields, ["size", "image_size"], values);
  const cropped = crops ? edgeOf(fields, "crop_size", values) : undefined;
  const size = given.size ?? cropped?.edge ?? resized?.edge;
  const normalises = fields.boolean("do_normalize", true);
  const channels = (key: "mean" | "std", none: number) =>
    given[key] ?? (normalises ? channelsOf(values[`image_${key}`]) : [none, none, none] as const);
  const mean = channels("mean", 0);
  const std = channels("std", 1);
  if (size === undefined || mean === undefined || std === undefined) {
    const missing = Object.entries({ image_size: size, image_mean: mean, image_std: std });
    const names = missing.filter(([, value]) => value === undefined).map(([name]) => name);
    throw new ConfigError(`Cannot tell the pixels of ${what}: its files do not say ${names.join(", ")}, so give them`);
  }
  if (crops && given.fit === undefined && resized !== undefined && resized.edge !== size) {
    notice(
      `${what} wants images of ${resized.edge} pixels cropped to ${size}; here they are resized to ${size} at once`,
    );
  }
  const fit = given.fit ?? (crops || resized?.keepsAspect ? "crop" : "stretch");
  const filter = given.filter ?? (fields.choice("resample", [2, 3], 2) === 3 ? "bicubic" : "bilinear");
  return { size, mean, std, fit, filter };
}

/** An edge, and whether it is that of the shorter side of an image that keeps its aspect. */
interface Edge {
  readonly edge: number;
  readonly keepsAspect: boolean;
}

/** Reads `224`, `{ "shortest_edge": 224 }` and `{ "height": 224, "width": 224 }`. */
function edgeOf(
  fields: Fields,
  key: string | readonly string[],
  values: Readonly<Record<string, unknown>>,
): Edge | undefined {
  if (!fields.has(key)) return undefined;
  const name = typeof key === "string" ? key : key.find((each) => (values[each] ?? undefined) !== undefined)!;
  if (typeof values[name] === "number") return { edge: fields.integer(key, 1), keepsAspect: true };
  const inner = fields.object(key)!;
  if (inner.has("shortest_edge")) return { edge: inner.integer("shortest_edge", 1), keepsAspect: true };
  const [height, width] = [inner.integer("height", 0), inner.integer("width", 0)];
  if (height !== width) throw fields.error(key, `${height} by ${width} pixels are no square`);
  if (height === 0) throw fields.error(key, "it has neither shortest_edge nor height and width");
  return { edge: height, keepsAspect: false };
}

function channelsOf(value: unknown): PixelSpec["mean"] | undefined {
  const fine = Array.isArray(value) && value.length === 3 && value.every(Number.isFinite);
  return fine ? value as [number, number, number] : undefined;
}
