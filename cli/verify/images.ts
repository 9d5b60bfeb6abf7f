/**
 * Golden cases of image preprocessing: Pillow's resize, and the image processors of CLIP and SigLIP.
 *
 * @module
 */
import {
  clipPreprocessor,
  type Pixels,
  preprocess,
  type Preprocessor,
  resize,
  type ResizeFilter,
  type Rgb,
  type RgbImage,
  siglipPreprocessor,
} from "../../data/image/mod.ts";
import { type Check, same, within } from "./check.ts";
import { type Golden, type GoldenTensors, readTensors } from "./golden.ts";
import { type CaseKind, hasKeys } from "./kind.ts";
import { drawPicture } from "./picture.ts";
import { checkStatistics, pick, rowsOf, type Statistics } from "./statistics.ts";
import { tolerances } from "./tolerances.ts";

type HeightWidth = readonly [height: number, width: number];

/** An image as a document tells it. */
interface InputCase {
  readonly index: number;
  readonly input_hw: HeightWidth;
  readonly input_generator_seed?: number;
}

/** A processor's input size and numbers, one for all channels or three. */
interface ProcessorCase extends InputCase {
  readonly size: number;
  readonly mean: number | Rgb;
  readonly std: number | Rgb;
}

/** A processor on a drawn photo, of which rows and statistics are stored. */
interface PhotoCase {
  readonly size: number;
  readonly filter?: ResizeFilter;
  readonly stats: Statistics;
}

/** A document of this kind. */
interface ImageCases {
  readonly resize: readonly (InputCase & { readonly output_hw: HeightWidth; readonly filters: ResizeFilter[] })[];
  readonly clip: readonly (ProcessorCase & { readonly filter: ResizeFilter })[];
  readonly siglip: readonly (ProcessorCase & { readonly filters: ResizeFilter[] })[];
  readonly clip_real?: PhotoCase & {
    readonly input_hw: HeightWidth;
    readonly input_generator_seed: number;
    readonly input_sha256: string;
  };
  readonly siglip_real?: PhotoCase;
}

/** Image preprocessing. */
export const imagesKind: CaseKind = {
  name: "image preprocessing",
  recognises: (document) => hasKeys(document, "resize", "clip", "siglip") && Array.isArray(document["resize"]),
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const document = golden.document as unknown as ImageCases;
  const expected = await readTensors(golden, `${golden.stem}.safetensors`);
  for (const test of document.resize) yield* checkResize(test, expected);
  for (const test of document.clip) {
    const name = `clip.${test.index}`;
    const image = readImage(expected, `${name}.input`);
    const actual = preprocess(image, clipPreprocessor(pixelsOf(test), { filter: test.filter }));
    yield checkPixels(`${name}.pixel_values`, actual, expected);
  }
  for (const test of document.siglip) {
    const name = `siglip.${test.index}`;
    const image = readImage(expected, `${name}.input`);
    for (const filter of test.filters) {
      const actual = preprocess(image, siglipPreprocessor(pixelsOf(test), { filter }));
      yield checkPixels(`${name}.pixel_values_${filter}`, actual, expected);
    }
  }
  if (document.clip_real !== undefined) yield* checkPhoto(document, expected);
  yield expected.allCompared();
}

function* checkResize(test: ImageCases["resize"][number], expected: GoldenTensors): Generator<Check> {
  const name = `resize.${test.index}`;
  const image = readImage(expected, `${name}.input`);
  const { input_generator_seed: seed, output_hw: [height, width] } = test;
  if (seed !== undefined) {
    yield same(`${name}.input`, { actual: drawPicture(seed, image).data, expected: image.data });
  }
  for (const filter of test.filters) {
    const actual = resize(image, { width, height, filter }).data;
    yield same(`${name}.${filter}`, { actual, expected: expected.take(`${name}.${filter}`).bytes });
  }
}

async function* checkPhoto(document: ImageCases, expected: GoldenTensors): AsyncGenerator<Check> {
  const { clip_real: clip, siglip_real: siglip, clip: [clipTest], siglip: [siglipTest] } = document;
  const [height, width] = clip!.input_hw;
  const photo = drawPicture(clip!.input_generator_seed, { width, height });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(photo.data)));
  yield same("clip.real.input_sha256", { actual: [digest.toHex()], expected: [clip!.input_sha256] });
  const rows = expected.integers("clip.real.rows");
  const check = function* (name: string, preprocessor: Preprocessor, stats: Statistics): Generator<Check> {
    const { shape: [, , height], values } = preprocess(photo, preprocessor);
    const tolerance = tolerances.pixels;
    const stage = `${name}.real.pixel_values_rows`;
    const planes = [0, height, 2 * height].flatMap((plane) => Array.from(rows, (row) => plane + row));
    const actual = pick(rowsOf(values, 3 * height), planes);
    yield within(stage, { actual, expected: expected.floats(stage), tolerance });
    yield* checkStatistics(`${name}.real.stats`, values, { expected: stats, tolerance });
  };
  const of = (test: ProcessorCase | undefined, { size }: PhotoCase) => pixelsOf({ ...test!, size });
  yield* check("clip", clipPreprocessor(of(clipTest, clip!), { filter: clip!.filter }), clip!.stats);
  if (siglip === undefined) return;
  yield* check("siglip", siglipPreprocessor(of(siglipTest, siglip), { filter: siglip.filter }), siglip.stats);
}

function readImage(expected: GoldenTensors, name: string): RgbImage {
  const { shape: [height, width], bytes } = expected.take(name);
  return { width: width!, height: height!, data: bytes };
}

function checkPixels(stage: string, { values }: Pixels, expected: GoldenTensors): Check {
  return within(stage, { actual: values, expected: expected.floats(stage), tolerance: tolerances.pixels });
}

function pixelsOf({ size, mean, std }: ProcessorCase): { size: number; mean: Rgb; std: Rgb } {
  const three = (numbers: number | Rgb): Rgb => typeof numbers === "number" ? [numbers, numbers, numbers] : numbers;
  return { size, mean: three(mean), std: three(std) };
}
