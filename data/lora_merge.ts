/**
 * LoRA adapters added to the weights they belong to: the merged model gives what the adapted one gives, at the speed of
 * the plain one.
 *
 * @module
 */
import type { LoraAdapter } from "./lora_file.ts";
import type { TypedTensor } from "./saved_tensor.ts";

/** An adapter and how much of it is added. */
export interface ScaledLora {
  /** The adapter. */
  readonly adapter: LoraAdapter;
  /** Factor on its change. Default 1. */
  readonly scale?: number | undefined;
}

/**
 * A checkpoint's tensors with adapters added, `W + scale·(alpha / rank)·B·A`; several add up. Layers that the
 * checkpoint does not have are left alone: `checkLora` tells whether a model has them all.
 *
 * Nothing is computed before a tensor is asked for its numbers, and then anew by every call.
 */
export function mergeLora(
  tensors: ReadonlyMap<string, TypedTensor>,
  adapters: readonly ScaledLora[],
): Map<string, TypedTensor> {
  const merged = new Map(tensors);
  for (const { adapter: { rank, alpha, layers }, scale = 1 } of adapters) {
    const factor = scale * alpha / rank;
    for (const [layer, { a, b }] of layers) {
      const name = `${layer}.weight`;
      const before = merged.get(name);
      if (before === undefined) continue;
      const { shape, dtype } = before;
      const toFloat32 = () =>
        addProduct(before.toFloat32().slice(), { a: a.toFloat32(), b: b.toFloat32(), rank, factor });
      merged.set(name, { shape, dtype, toFloat32 });
    }
  }
  return merged;
}

/** weight [out, in] += factor · b [out, rank] · a [rank, in], added up in f64. */
function addProduct(
  weight: Float32Array,
  { a, b, rank, factor }: {
    readonly a: Float32Array;
    readonly b: Float32Array;
    readonly rank: number;
    readonly factor: number;
  },
): Float32Array {
  const width = a.length / rank;
  const row = new Float64Array(width);
  for (let o = 0; o < weight.length / width; o++) {
    row.set(weight.subarray(o * width, (o + 1) * width));
    for (let r = 0; r < rank; r++) {
      const weightOfRow = factor * b[o * rank + r]!;
      for (let i = 0; i < width; i++) row[i]! += weightOfRow * a[r * width + i]!;
    }
    weight.set(row, o * width);
  }
  return weight;
}
