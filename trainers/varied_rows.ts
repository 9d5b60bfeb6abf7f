/**
 * Rows that differ from epoch to epoch, so that a small data set is not learnt by heart.
 *
 * @module
 */
import { uniform } from "../core/sampling.ts";
import type { RowSource, TrainRow } from "./row_batches.ts";

/** How rows vary. */
export interface RowVariation {
  /** Whether an image is mirrored in half of the epochs; it must be pixels `[3,S,S]`. Default false. */
  readonly flip?: boolean | undefined;
  /**
   * Share of the answer's ids that the decoder does not get to see, though it still has to predict them: what comes
   * next has to be read off the image rather than off the words before (Bowman et al. 2016, "word dropout"). Default 0.
   */
  readonly tokenDropout?: number | undefined;
}

/** Options of {@link variedRows}. */
export interface VariedRowsOptions extends RowVariation {
  /** Seed of the draws: the same place in the same epoch is always the same row. */
  readonly seed: number;
  /** Id that stands for one that is hidden. */
  readonly blank: number;
  /** Edge S of images in pixels. */
  readonly size: number;
}

/** Draws of a row that are kept apart: ids of a row come first, images after them. */
const idDraws = 2 ** 15;

/** Rows with variations drawn anew in each epoch. */
export function variedRows(rows: RowSource, options: VariedRowsOptions): RowSource {
  const { flip = false, tokenDropout = 0, seed, blank, size } = options;
  if (!flip && tokenDropout === 0) return rows;
  return {
    length: rows.length,
    async row(index, epoch) {
      const row = await rows.row(index, epoch);
      if (row === undefined) return undefined;
      const draw = (place: number) => uniform(seed + epoch, index * 2 * idDraws + place);
      return {
        ...row,
        ids: tokenDropout === 0 ? row.ids : row.ids.map((id, t) => {
          return row.labels[t]! >= 0 && draw(t) < tokenDropout ? blank : id;
        }),
        images: flip
          ? row.images.map((image, i) => draw(idDraws + i) < 0.5 ? mirrored(image, size) : image)
          : row.images,
      };
    },
  };
}

function mirrored({ span, image }: TrainRow["images"][number], size: number): TrainRow["images"][number] {
  const turned = new Float32Array(image.length);
  for (let row = 0; row < image.length; row += size) {
    for (let x = 0; x < size; x++) turned[row + x] = image[row + size - 1 - x]!;
  }
  return { span, image: turned };
}
