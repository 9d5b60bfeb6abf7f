/**
 * How long a program will take on a machine whose speed was measured.
 *
 * @module
 */
import { type Call, elementCount, type Plan } from "../../core/graph/mod.ts";
import { costOf } from "../../core/graph/cost.ts";
import { byteLength } from "../../core/graph/tensor.ts";
import type { MachineSpeed } from "./probe.ts";

/**
 * Seconds of one run: for each call the longer of computing and of reading its weights (Williams et al. 2009, the
 * roofline).
 */
export function estimateSeconds(plan: Plan, speed: MachineSpeed): number {
  return plan.calls.reduce((sum, call) => sum + speed.callSeconds + secondsOf(call, speed), 0);
}

function secondsOf(call: Call, { matrixFlops, attentionFlops, weightBytes }: MachineSpeed): number {
  const { flops, bytes } = costOf(call);
  switch (call.kernel) {
    case "linear":
      return Math.max(flops / matrixFlops, byteLength(call.inputs.weight) / weightBytes);
    case "groupedLinear": {
      const { x, weights } = call.inputs;
      // A row goes to one expert: with few rows most experts rest.
      const used = Math.min(weights.length, x.shape[0]!);
      return Math.max(flops / matrixFlops, used * byteLength(weights[0]!) / weightBytes);
    }
    case "attention":
      return Math.max(flops / attentionFlops, 2 * 4 * elementCount(call.inputs.k.shape) / weightBytes);
    default:
      return bytes / weightBytes;
  }
}
