/**
 * What a call costs: floating-point operations and bytes of weights and activations it touches.
 *
 * @module
 */
import { type Call, tensorsOf } from "./kernels.ts";
import { byteLength, elementCount } from "./tensor.ts";

/** Work of one call. A multiply-add counts as two operations. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
}

/** Cost of a call; attention and caches count their full length, the experts of a MoE the routed rows. */
export function costOf(call: Call): Cost {
  const tensors = [...new Set([...tensorsOf(call.inputs), ...tensorsOf(call.outputs)])];
  const bytes = tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0);
  switch (call.kernel) {
    case "linear": {
      const { x, weight } = call.inputs;
      return { flops: 2 * elementCount(x.shape) * weight.shape[0]!, bytes };
    }
    case "groupedLinear": {
      const { x, weights } = call.inputs;
      return { flops: 2 * elementCount(x.shape) * weights[0]!.shape[0]!, bytes };
    }
    case "crossEntropy": {
      const { hidden, weight } = call.inputs;
      return { flops: 2 * elementCount(hidden.shape) * weight.shape[0]!, bytes };
    }
    case "linearBackwardInput": {
      const { dy, weight } = call.inputs;
      return { flops: 2 * elementCount(dy.shape) * (elementCount(weight.shape) / weight.shape[0]!), bytes };
    }
    case "linearBackwardWeight": {
      const { x, dy } = call.inputs;
      return { flops: 2 * elementCount(x.shape) * dy.shape.at(-1)!, bytes };
    }
    case "groupedLinearBackwardInput": {
      const { dy, weights } = call.inputs;
      return { flops: 2 * elementCount(dy.shape) * weights[0]!.shape[1]!, bytes };
    }
    case "groupedLinearBackwardWeight": {
      const { x, dy } = call.inputs;
      return { flops: 2 * elementCount(x.shape) * dy.shape[1]!, bytes };
    }
    case "crossEntropyBackward": {
      const { hidden, weight } = call.inputs;
      const products = 1 + tensorsOf(call.outputs).length;
      return { flops: 2 * products * elementCount(hidden.shape) * weight.shape[0]!, bytes };
    }
    case "squaredError":
    case "squaredErrorBackward":
      return { flops: 3 * elementCount(call.inputs.a.shape), bytes };
    case "attentionBackward": {
      const { q, k } = call.inputs;
      return { flops: 10 * elementCount(q.shape) * k.shape[1]!, bytes };
    }
    case "attention": {
      const { q, k } = call.inputs;
      return { flops: 4 * elementCount(q.shape) * k.shape[1]!, bytes };
    }
    case "embedding": {
      const { y } = call.outputs;
      return { flops: 0, bytes: 2 * byteLength(y) };
    }
    case "cacheWrite":
      return { flops: 0, bytes: 2 * byteLength(call.inputs.x) };
    case "rmsNorm":
    case "layerNorm":
    case "gelu":
    case "swiglu":
      return { flops: 8 * elementCount(call.outputs.y.shape), bytes };
    default:
      return { flops: tensorsOf(call.outputs).reduce((sum, tensor) => sum + elementCount(tensor.shape), 0), bytes };
  }
}
