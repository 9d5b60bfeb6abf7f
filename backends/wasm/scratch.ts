/**
 * How much private memory a thread needs for a command; the sizes follow the kernels in assembly/.
 *
 * @module
 */
import type { Call } from "../../core/graph/kernels.ts";
import { backwardScratchBytes } from "./backward_commands.ts";
import { matrixExtents } from "./panels.ts";
import { LOSS_ROWS, multipleOf8, PACK_BYTES, QUERIES, TILE_BYTES } from "./sizes.ts";

/** Bytes behind the tile. */
export function scratchBytes(call: Call): number {
  switch (call.kernel) {
    case "linear":
    case "groupedLinear":
      return PACK_BYTES;
    case "attention": {
      const [, keys, , width] = call.inputs.k.shape as [number, number, number, number];
      const padded = multipleOf8(keys);
      const packed = padded * width + keys * multipleOf8(width);
      return 128 + TILE_BYTES + 16 + padded + 4 * (QUERIES * (Math.max(padded, width) + padded) + packed);
    }
    case "crossEntropy": {
      const [n, k] = matrixExtents(call.inputs.weight);
      return 4 * LOSS_ROWS * (2 * k + multipleOf8(n) + 1);
    }
    case "sample":
      return 4 * call.inputs.logits.shape[1]!;
    default:
      return backwardScratchBytes(call);
  }
}
