/**
 * Rows to batches of one size, in the order of each epoch.
 *
 * @module
 */
import { ShapeError } from "../core/errors.ts";
import { packedSegment } from "../core/graph/graph.ts";
import { elementCount } from "../core/graph/tensor.ts";
import { ignoredLabel, imageIndex } from "../data/chat/mod.ts";
import type { BatchSizes, PackedTokens, TrainBatch } from "./batch.ts";
import type { BatchSource } from "./batch_source.ts";
import type { ImageInput } from "./image_input.ts";

/** A row ready to be learnt. */
export interface TrainRow {
  /** Token ids, `[T]`. */
  readonly ids: Int32Array;
  /** The ids where they are to be learnt, negative elsewhere, `[T]`; not shifted. */
  readonly labels: Int32Array;
  /** Its images: the positions of their markers, and their features `[N,C]` or pixels `[3,S,S]`. */
  readonly images: readonly {
    /** First position and how many. */
    readonly span: { readonly start: number; readonly length: number };
    /** In C order. */
    readonly image: Float32Array;
  }[];
  /** What keeps several rows apart that are packed into this one. Default it is one. */
  readonly packing?: PackedTokens | undefined;
}

/** Rows by number. */
export interface RowSource {
  /** How many there are. */
  readonly length: number;
  /** A row as it is in an epoch; undefined for one that is left out, whose place in the batch stays empty. */
  row(index: number, epoch: number): Promise<TrainRow | undefined>;
}

/** Options of {@link rowBatches}. */
export interface RowBatchesOptions {
  /** Sizes of every batch. */
  readonly sizes: BatchSizes;
  /** How batches hold images: {@link TrainStep.imageInput} of the step they are for. */
  readonly imageInput: Pick<ImageInput, "shape" | "tokens">;
  /** Id that fills rows up. */
  readonly padding: number;
  /** Numbers of the rows in the order of an epoch. Default as they are. */
  readonly order?: ((epoch: number) => ArrayLike<number>) | undefined;
}

/**
 * Batches of rows. The last batch of an epoch is filled up with rows that have no labels, which leaves the mean loss
 * over labels what it is for fewer rows.
 *
 * @throws {ShapeError} from `batch`, if a row is longer than the batch or a batch has more images than room
 */
export function rowBatches(rows: RowSource, options: RowBatchesOptions): BatchSource {
  const { sizes: { rows: B }, order } = options;
  let known: { readonly epoch: number; readonly order: ArrayLike<number> } | undefined;
  return {
    batchesPerEpoch: Math.ceil(rows.length / B),
    async batch({ epoch, batch }) {
      if (order !== undefined && known?.epoch !== epoch) known = { epoch, order: order(epoch) };
      const first = batch * B;
      const places = Array.from({ length: Math.min(B, rows.length - first) }, (_, i) => {
        return known === undefined ? first + i : known.order[first + i]!;
      });
      return assemble(await Promise.all(places.map((place) => rows.row(place, epoch))), options);
    },
  };
}

function assemble(
  rows: readonly (TrainRow | undefined)[],
  { sizes, imageInput: { shape, tokens }, padding }: RowBatchesOptions,
): TrainBatch {
  const T = sizes.tokens;
  const ids = new Int32Array(sizes.rows * T).fill(padding); // [B,T]
  const targets = new Int32Array(sizes.rows * T).fill(ignoredLabel); // [B,T]
  const index = new Int32Array(sizes.rows * T).fill(-1); // [B,T]
  const packing = sizes.packed ? unpacked(sizes) : undefined;
  const size = elementCount(shape);
  const images = new Float32Array(sizes.images * size); // [M,N,C] or [M,3,S,S]
  let count = 0;
  for (const [b, row] of rows.entries()) {
    if (row === undefined) continue;
    const { length } = row.ids;
    if (length > T) throw new ShapeError(`Cannot batch a row of ${length} ids, there is room for ${T}`);
    if (count + row.images.length > sizes.images) {
      throw new ShapeError(`Cannot batch rows: more images than the ${sizes.images} that a batch has room for`);
    }
    ids.set(row.ids, b * T);
    targets.set(row.labels.subarray(1), b * T); // each token learns the one after it
    packing?.position.set(row.packing?.position ?? Int32Array.from({ length }, (_, t) => t), b * T);
    packing?.segment.set(row.packing?.segment ?? new Int32Array(length), b * T);
    const spans = row.images.map(({ span }) => span);
    index.set(
      imageIndex({ ids: row.ids, images: spans }, { tokens, firstRow: count * tokens }),
      b * T,
    );
    for (const { image } of row.images) images.set(image, count++ * size);
  }
  return { ids, targets, ...sizes.images > 0 && { index, images }, ...packing && { packing } };
}

/** Rows of nothing but padding, which sees no more than the padding right beside it. */
function unpacked({ rows, tokens }: BatchSizes): PackedTokens {
  const segment = Int32Array.from({ length: rows * tokens }, (_, i) => packedSegment(-1, 1 + (i % tokens >> 3)));
  return { position: new Int32Array(rows * tokens), segment };
}
