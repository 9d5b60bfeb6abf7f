/**
 * The tensors of the committed `.pth`, whose numbers are exact in every precision. `tools/check_pth_with_torch.py` states
 * them a second time.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import { castTensors, type Precision, type TypedTensor } from "../../data/saved_tensor.ts";
import { writeTorchCheckpoint } from "../../data/torch_checkpoint/write.ts";

/** A tensor of the given shape: -50/16, -13/16, … */
export function numbered(shape: readonly number[], dtype?: TypedTensor["dtype"]): TypedTensor {
  const step = dtype === undefined ? 16 : 1;
  const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => (i * 37 % 101 - 50) / step);
  return { shape, dtype, toFloat32: () => values };
}

/** A tied pair, every rank, tensors without an element, and whole numbers. */
export function tinyTensors(): Map<string, TypedTensor> {
  const embedding = numbered([5, 4]);
  return new Map([
    ["model.embed_tokens.weight", embedding],
    ["model.norm.weight", numbered([4])],
    ["scalar", numbered([])],
    ["empty", numbered([0, 4])],
    ["empty.last", numbered([3, 0])],
    ["cube", numbered([2, 3, 4])],
    ["patches", numbered([3, 2, 2, 2])],
    ["long", numbered([300])],
    ["position_ids", numbered([1, 6], "I64")],
    ["lm_head.weight", embedding],
  ]);
}

/** The committed file of a precision. */
export function tinyFile(precision: Precision): Uint8Array<ArrayBuffer> {
  return writeTorchCheckpoint(castTensors(tinyTensors(), { precision }));
}

/** Where the committed file of a precision lies. */
export function tinyUrl(precision: Precision): URL {
  return new URL(`../fixtures/export/tiny-${precision}.pth`, import.meta.url);
}
