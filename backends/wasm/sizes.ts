/**
 * Sizes that the kernels in assembly/ work with.
 *
 * @module
 */

/** Room for a tile that the matrix kernels keep in front of their scratch; as in assembly/gemm.ts. */
export const TILE_BYTES = 192;

/** Bytes of packed rows that a thread keeps; as in assembly/gemm.ts. */
export const PACK_BYTES = 704 * 1024;

/** Queries that attention takes at once; as in assembly/attention.ts. */
export const QUERIES = 20;

/** Rows whose logits a thread holds at once; as in assembly/loss.ts. */
export const LOSS_ROWS = 64;

/** The next multiple of 8, the width of a panel. */
export function multipleOf8(count: number): number {
  return Math.ceil(count / 8) * 8;
}
