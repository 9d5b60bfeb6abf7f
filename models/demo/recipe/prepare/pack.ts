/**
 * Packs of image files: `<name>.bin` holds them end to end, each line of `<name>.jsonl` tells of one of them.
 *
 * @module
 */

/** A line of a pack: where its file lies, and what else is known of it. */
export interface PackRecord {
  /** First byte of the file. */
  readonly offset: number;
  /** Bytes of the file. */
  readonly length: number;
}

/** A photo of Flickr8k-CN with what people said of it. */
export interface Photo extends PackRecord {
  /** Its name. */
  readonly id: string;
  /** Five captions in English. */
  readonly en: readonly string[];
  /** Five captions in Chinese. */
  readonly zh: readonly string[];
}

/** A photo of Tiny-ImageNet. */
export interface ObjectPhoto extends PackRecord {
  /** Number of its class. */
  readonly label: number;
  /** Its name. */
  readonly file: string;
}

/** A class of Tiny-ImageNet. */
export interface ObjectClass {
  /** Its number. */
  readonly label: number;
  /** Its English name. */
  readonly en: string;
  /** Its Chinese name. */
  readonly zh: string;
  /** What kind of thing it is. */
  readonly group: string;
}

/** The lines of a pack. */
export async function readPack<Kind extends PackRecord>(path: string): Promise<Kind[]> {
  const text = await Deno.readTextFile(`${path}.jsonl`);
  return text.split("\n").filter((line) => line !== "").map((line): Kind => JSON.parse(line));
}

/** A file to take out of a pack. */
export interface PackedFile {
  /** Where it lies. */
  readonly record: PackRecord;
  /** Path to write it to. */
  readonly path: string;
}

/** Takes files out of a pack; those that are there with their length stay. Resolves to the number written. */
export async function unpack(path: string, files: readonly PackedFile[]): Promise<number> {
  using pack = await Deno.open(`${path}.bin`);
  let written = 0;
  for (const { record: { offset, length }, path } of files) {
    const there = await Deno.stat(path).catch(() => undefined);
    if (there?.size === length) continue;
    const bytes = new Uint8Array(length);
    await pack.seek(offset, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const read = await pack.read(bytes.subarray(done));
      if (read === null) throw new Error(`Cannot read "${path}": the pack ends before it does`);
      done += read;
    }
    await Deno.writeFile(`${path}.part`, bytes);
    await Deno.rename(`${path}.part`, path);
    written++;
  }
  return written;
}
