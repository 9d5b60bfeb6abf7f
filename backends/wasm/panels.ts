/**
 * The layout of a weight `[N,K]` in memory: panels of 8 rows, `[N/8][K][8]`, the last one filled up with zeros.
 *
 * @module
 */
import { elementCount, type StorageSpec } from "../../core/graph/tensor.ts";

/** Rows of a panel. */
const ROWS = 8;

/** N and K of a weight; all dimensions after the first count as inputs. */
export function matrixExtents(spec: StorageSpec): [n: number, k: number] {
  const n = spec.shape[0]!;
  return [n, elementCount(spec.shape) / n];
}

/** Numbers a packed weight takes. */
export function packedCount(spec: StorageSpec): number {
  const [n, k] = matrixExtents(spec);
  return Math.ceil(n / ROWS) * ROWS * k;
}

/** Panels as C-order numbers; the way there is a kernel. */
export function unpack(spec: StorageSpec, from: Float32Array): Float32Array {
  const [n, k] = matrixExtents(spec);
  const to = new Float32Array(n * k);
  for (let row = 0; row < n; row++) {
    let place = (row - row % ROWS) * k + row % ROWS;
    for (let i = row * k, end = i + k; i < end; i++) {
      to[i] = from[place]!;
      place += ROWS;
    }
  }
  return to;
}
