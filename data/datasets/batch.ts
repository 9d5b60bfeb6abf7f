/**
 * Samples → one batch of fixed shape.
 *
 * @module
 */
import { ignoredLabel, imageIndex } from "../chat/chat_ids.ts";
import type { Sample } from "./sample.ts";

/** A batch. */
export interface Batch<Image> {
  /** Token ids, `[B,T]`, filled with the pad id. */
  readonly ids: Int32Array;
  /** Labels, `[B,T]`, −100 where nothing is learnt; not shifted. */
  readonly labels: Int32Array;
  /** For each token the row of its image's embedding among those of all images, −1 for text, `[B,T]`. */
  readonly index: Int32Array;
  /** The images of all samples, one after the other. */
  readonly images: readonly Image[];
  /** The samples; fewer than B where the data ended. */
  readonly samples: readonly Sample<Image>[];
}

/** Shape of a batch. */
export interface BatchOptions {
  /** Rows, B. Rows without a sample are all padding. Default as many as there are samples. */
  readonly rows?: number | undefined;
  /** Tokens of a row, T: upstream's `max_seq_len`. */
  readonly length: number;
  /** Id that fills rows. */
  readonly pad: number;
  /** Embeddings of an image. */
  readonly imageTokens: number;
}

/**
 * Puts samples into a batch.
 *
 * @throws {RangeError} if there are more samples than rows, or one is longer than a row
 */
export function collate<Image>(samples: readonly Sample<Image>[], options: BatchOptions): Batch<Image> {
  const { rows = samples.length, length, pad, imageTokens: tokens } = options;
  if (samples.length > rows) throw new RangeError(`Cannot put ${samples.length} samples into ${rows} rows`);
  const ids = new Int32Array(rows * length).fill(pad);
  const labels = new Int32Array(rows * length).fill(ignoredLabel);
  const index = new Int32Array(rows * length).fill(-1);
  const images: Image[] = [];
  samples.forEach((sample, row) => {
    if (sample.ids.length > length) {
      throw new RangeError(`Cannot put ${sample.place} into a batch: ${sample.ids.length} tokens, at most ${length}`);
    }
    const spans = sample.images.map(({ span }) => span);
    ids.set(sample.ids, row * length);
    labels.set(sample.labels, row * length);
    index.set(
      imageIndex({ ids: sample.ids, images: spans }, { tokens, firstRow: images.length * tokens }),
      row * length,
    );
    images.push(...sample.images.map(({ image }) => image));
  });
  return { ids, labels, index, images, samples };
}

/** Groups samples, in order; the last group may have fewer. */
export async function* inGroups<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[], void> {
  let group: Item[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
