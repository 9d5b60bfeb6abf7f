/**
 * What the data sets of `tests/fixtures/datasets` hold, and small ones made on the spot.
 *
 * @module
 */
import { bytesAccess, type Dataset, openDataset, type OpenDatasetOptions } from "../../data/datasets/mod.ts";
import { readImageFile } from "./image_fixtures.ts";

const images = ["grey_1.png", "rgb_8.png", "lossy.webp", "plain.gif", "palette_4.png"];

/** The parquet files and how many images a row of each has. */
export const parquetFixtures: Readonly<Record<string, (row: number) => number>> = {
  "one_image_v1_snappy.parquet": () => 1,
  "image_lists_v1_zstd.parquet": (row) => (3 * row) % 4,
  "image_lists_v2_plain.parquet": (row) => (3 * row) % 4,
};

/** The bytes of a file. */
export function readDatasetFile(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`../fixtures/datasets/${name}`, import.meta.url));
}

/** The images of a row of a parquet file. */
export function fixtureImages(row: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, k) => readImageFile(images[(7 * row + k) % 5]!));
}

/** The last message of a row of a parquet file. */
export function fixtureAnswer(row: number): string {
  return `Row ${row}, 第${row}行.`;
}

/** Opens a text as a data set. */
export function openText(text: string, options: Partial<OpenDatasetOptions> = {}): Promise<Dataset> {
  return openDataset(bytesAccess(new TextEncoder().encode(text)), { name: "test.json", ...options });
}

/** A line of upstream's jsonl. */
export function line(question: string, answer: string, image?: unknown): string {
  const conversations = [{ role: "user", content: question }, { role: "assistant", content: answer }];
  return `${JSON.stringify({ conversations, image })}\n`;
}

/** Reads images as an image folder with the image fixtures in it. */
export function readFixtureImage(path: string): Promise<Uint8Array> {
  return Promise.resolve().then(() => readImageFile(path));
}
