/**
 * Into how many parts the work of a command is worth splitting.
 *
 * @module
 */
import { costOf } from "../../core/graph/cost.ts";
import type { Call } from "../../core/graph/kernels.ts";
import { count, rows } from "./command_parts.ts";

/** What a thread does at least, roughly: operations and bytes a nanosecond. */
const flopsPerNanosecond = 45;
const bytesPerNanosecond = 12;

/** A part shall take so long, roughly, if nothing else is said: a hundred times what it costs to take one. */
export const usualGrain = 20_000;

/** Most parts of a command. */
export const mostPieces = 64;

/** Parts of about `grain` nanoseconds that a call's commands are worth splitting into, at least 1. For 0, most of all. */
export function piecesOf(call: Call, grain: number): number {
  if (grain === 0) return mostPieces;
  const { flops, bytes } = costOf(call);
  const nanoseconds = Math.max(flops / flopsPerNanosecond, bytes / bytesPerNanosecond);
  return Math.max(1, Math.min(Math.round(nanoseconds / grain), mostOf(call), mostPieces));
}

/** Parts beyond which each of them would do again what the others do, or nothing. */
function mostOf(call: Call): number {
  switch (call.kernel) {
    case "linear":
      return blocks(count(call.outputs.y) / call.inputs.weight.shape[0]!);
    case "linearBackwardInput":
      return blocks(count(call.inputs.dy) / call.inputs.weight.shape[0]!);
    case "groupedLinear":
      return blocks(rows(call.inputs.x) / call.inputs.weights.length);
    case "groupedLinearBackwardInput":
      return blocks(rows(call.inputs.dy) / call.inputs.weights.length);
    case "linearBackwardWeight": // each part packs all inputs
    case "groupedLinearBackwardWeight":
      return Math.floor(call.inputs.dy.shape.at(-1)! / 256);
    case "crossEntropyBackward":
      return 8;
    case "attention":
      return call.inputs.q.shape[0]! * call.inputs.q.shape[2]!;
    case "attentionBackward":
      return call.inputs.k.shape[0]! * call.inputs.k.shape[2]!;
    default:
      return mostPieces;
  }
}

/** Blocks of 16 rows, which are split by rows; fewer rows by outputs. */
function blocks(rows: number): number {
  return rows < 32 ? mostPieces : Math.floor(rows / 16);
}
