/**
 * How much private memory a thread needs for a command; the sizes follow the kernels in assembly/.
 *
 * @module
 */
import type { Call } from "../../core/graph/kernels.ts";
import { backwardScratchBytes } from "./backward_commands.ts";
import { matrixExtents } from "./panels.ts";

/** A tile of 4×8 numbers that the matrix kernels keep in front of their scratch. */
export const TILE_BYTES = 128;
/** As in assembly/gemm.ts. */
const PACK_BYTES = 704 * 1024;
/** As in assembly/loss.ts. */
const LOSS_ROWS = 32;

/** Bytes behind the tile. */
export function scratchBytes(call: Call): number {
  switch (call.kernel) {
    case "linear":
      return packedRows(matrixExtents(call.inputs.weight)[1]);
    case "groupedLinear":
      return packedRows(matrixExtents(call.inputs.weights[0]!)[1]);
    case "attention": {
      const [, keys, , width] = call.inputs.k.shape as [number, number, number, number];
      const padded = Math.ceil(keys / 8) * 8;
      return 4 * (padded * width + 9 * padded + 4 * width) + TILE_BYTES + 16;
    }
    case "crossEntropy": {
      const [n, k] = matrixExtents(call.inputs.weight);
      return 4 * LOSS_ROWS * (k + Math.ceil(n / 8) * 8);
    }
    case "sample":
      return 4 * call.inputs.logits.shape[1]!;
    default:
      return backwardScratchBytes(call, PACK_BYTES);
  }
}

function packedRows(k: number): number {
  return Math.max(PACK_BYTES, 16 * k);
}
