/**
 * Reads a `preprocessor_config.json`, with the defaults of the `transformers` classes that it names.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import { Fields } from "../../core/fields.ts";
import type { ResizeFilter } from "./filters.ts";
import {
  clipPreprocessor,
  type ImageSize,
  type Preprocessor,
  type Rgb,
  type ShortestEdge,
  siglipPreprocessor,
} from "./preprocessor.ts";

/** What messages call the file. */
const file = "preprocessor_config.json";

/** What each known class does when its file says nothing. */
const defaults: Readonly<Record<string, Preprocessor>> = {
  CLIP: clipPreprocessor({
    size: 224,
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  }),
  Siglip: siglipPreprocessor({ size: 224, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }),
};

/** By Pillow's number. */
const filters: Readonly<Record<number, ResizeFilter>> = { 1: "lanczos", 2: "bilinear", 3: "bicubic" };

/**
 * What a processor of CLIP or SigLIP does, whichever version of the class the file names.
 *
 * @param config The parsed file
 * @throws {ConfigError} if the processor is another one, or a field is wrong
 */
export function parsePreprocessor(config: unknown): Preprocessor {
  const fields = new Fields(config, file);
  const values = config as Readonly<Record<string, unknown>>;
  const fallback = defaultsOf(values["image_processor_type"] ?? values["feature_extractor_type"]);
  const wants = (step: string, byDefault: boolean) => fields.boolean(`do_${step}`, byDefault);
  return {
    resize: wants("resize", true) ? readResize(fields, values, fallback.resize!) : undefined,
    crop: wants("center_crop", fallback.crop !== undefined) ? readCrop(fields, values, fallback.crop) : undefined,
    scale: wants("rescale", true) ? fields.number("rescale_factor", fallback.scale!) : undefined,
    normalize: wants("normalize", true)
      ? {
        mean: readRgb(fields, { key: "image_mean", value: values["image_mean"], fallback: fallback.normalize!.mean }),
        std: readRgb(fields, { key: "image_std", value: values["image_std"], fallback: fallback.normalize!.std }),
      }
      : undefined,
  };
}

function defaultsOf(type: unknown): Preprocessor {
  const [, family] = /^(\w+?)(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/.exec(String(type)) ?? [];
  if (family !== undefined && Object.hasOwn(defaults, family)) return defaults[family]!;
  const known = Object.keys(defaults).map((name) => `${name}ImageProcessor`).join(", ");
  throw new ConfigError(`Cannot read "image_processor_type" of "${file}": ${JSON.stringify(type)} is none of ${known}`);
}

type Resize = NonNullable<Preprocessor["resize"]>;

function readResize(fields: Fields, values: Readonly<Record<string, unknown>>, fallback: Resize): Resize {
  const number = fields.choice("resample", [1, 2, 3], fallback.filter === "bilinear" ? 2 : 3);
  return { to: readTarget(fields, values["size"], fallback.to), filter: filters[number]! };
}

function readTarget(fields: Fields, value: unknown, fallback: Resize["to"]): ImageSize | ShortestEdge {
  if (value === undefined || value === null) return fallback;
  if (typeof value === "number" && "shortestEdge" in fallback) return { shortestEdge: fields.integer("size", 0) };
  if (typeof value === "object") {
    const size = fields.object("size")!;
    const keys = Object.keys(value).filter((key) => size.has(key)).sort().join();
    if (keys === "shortest_edge") return { shortestEdge: size.integer("shortest_edge", 0) };
    if (keys === "height,width") return { width: size.integer("width", 0), height: size.integer("height", 0) };
  }
  throw fields.error("size", `${JSON.stringify(value)} has neither shortest_edge alone nor height and width`);
}

function readCrop(fields: Fields, values: Readonly<Record<string, unknown>>, fallback?: ImageSize): ImageSize {
  const value = values["crop_size"] ?? undefined;
  if (typeof value === "number") {
    const edge = fields.integer("crop_size", 0);
    return { width: edge, height: edge };
  }
  const size = fields.object("crop_size");
  if (size?.has("width") && size.has("height")) {
    return { width: size.integer("width", 0), height: size.integer("height", 0) };
  }
  if (value === undefined && fallback !== undefined) return fallback;
  throw fields.error("crop_size", `${JSON.stringify(value)} has no height and width`);
}

/** Three numbers, or one for all three. */
function readRgb(fields: Fields, { key, value, fallback }: { key: string; value: unknown; fallback: Rgb }): Rgb {
  if (value === undefined || value === null) return fallback;
  const numbers = Array.isArray(value) ? value : [value, value, value];
  const fine = numbers.length === 3 && numbers.every((number) => Number.isFinite(number));
  if (!fine) throw fields.error(key, `${JSON.stringify(value)} is not three numbers`);
  if (key === "image_std" && numbers.includes(0)) throw fields.error(key, `${JSON.stringify(value)} has a 0`);
  const [red, green, blue] = numbers as [number, number, number];
  return [red, green, blue];
}
