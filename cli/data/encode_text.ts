/**
 * What `data encode` writes.
 *
 * @module
 */
import { formatBytes } from "../../data/hub/mod.ts";
import type { PreparedCounts } from "../../trainers/prepared_images.ts";
import { clock } from "../format.ts";

/** Milliseconds that an image takes. */
export interface FeatureTimes {
  /** To find its features. */
  readonly find: number;
  /** To decode, resize and encode it. */
  readonly encode: number;
}

/** The line of a run that is not through yet. */
export function encodeLine(
  { done, rows, images, ms }: {
    readonly done: number;
    readonly rows: number;
    readonly images: number;
    readonly ms: number;
  },
): string {
  const rate = (1000 * images / ms).toFixed(1);
  return `row ${done} of ${rows}  ${images} images  ${rate} a second  ${clock(ms / 1000 * (rows - done) / done)} left`;
}

/** What {@link encodeSummary} tells of. */
export interface Encoded {
  /** Rows of the file. */
  readonly rows: number;
  /** Those left out, in words. */
  readonly skipped: string | undefined;
  /** Where features came from. */
  readonly counts: PreparedCounts;
  /** Bytes of an image's features. */
  readonly bytes: number;
  /** Where they are. */
  readonly folder: string;
  /** What keeping them saves; undefined where there was no image. */
  readonly times: FeatureTimes | undefined;
}

/** What was done, and what it saves. */
export function encodeSummary({ rows, skipped, counts, bytes, folder, times }: Encoded): string {
  const { prepared, kept, remembered, prepareMs } = counts;
  const images = prepared + kept + remembered;
  const different = prepared + kept;
  const lines = [
    ...skipped === undefined ? [] : [skipped],
    `${rows} rows, ${images} images: ${prepared} encoded in ` +
    `${(prepareMs / 1000).toFixed(1)} s, ${kept} known before, ${remembered} again`,
  ];
  if (times !== undefined) {
    const { find, encode } = times;
    const saved = images * (encode - find) / 1000;
    lines.push(
      `${folder} has ${formatBytes(different * bytes)} of features for them, ${formatBytes(bytes)} an image`,
      `an image takes ${encode.toFixed(1)} ms to decode and encode, ${find.toFixed(1)} ms to find: ` +
        `${(encode / find).toFixed(1)} times as fast, ${saved.toFixed(1)} s less for an epoch`,
    );
  }
  return lines.join("\n");
}
