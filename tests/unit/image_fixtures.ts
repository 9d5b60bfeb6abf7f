/**
 * The images of `tests/fixtures/images`, and what Pillow reads from them.
 *
 * @module
 */

const folder = new URL("../fixtures/images/", import.meta.url);

/** What an image is decoded to. */
export interface ExpectedImage {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** How far values may be off. */
  readonly tolerance: number;
  /** The pixels, base64. */
  readonly rgb: string;
}

/** Expected images by file name. */
export function readExpected(): Readonly<Record<string, ExpectedImage>> {
  return JSON.parse(Deno.readTextFileSync(new URL("expected.json", folder)));
}

/** The bytes of an image file. */
export function readImageFile(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(name, folder));
}

/** Names of all image files. */
export function imageFiles(): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => !name.endsWith(".json")).sort();
}
