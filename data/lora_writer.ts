/**
 * Writes LoRA adapters: as safetensors with a description, or as upstream MiniMind's `.pth`.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { loraNames } from "../core/lora.ts";
import type { SourceTensor } from "../core/weights.ts";
import { checkRanks, type LoraAdapter, loraMarker } from "./lora_file.ts";
import { safetensorsChunks } from "./safetensors_writer.ts";
import { castTensors, joinChunks, type Precision } from "./saved_tensor.ts";
import { writeTorchCheckpoint } from "./torch_checkpoint/write.ts";

/** Options of {@link writeLora}. */
export interface WriteLoraOptions {
  /** Type of the numbers. Default `f32`. */
  readonly precision?: Exclude<Precision, "q8"> | undefined;
  /** `pth` is upstream's file, which cannot hold an alpha other than the rank. Default `safetensors`. */
  readonly format?: "safetensors" | "pth" | undefined;
}

/**
 * A file with an adapter. Equal adapters make equal bytes.
 *
 * @throws {WeightError} if its matrices are not of its rank, or the format cannot hold its alpha
 */
export function writeLora(adapter: LoraAdapter, options: WriteLoraOptions = {}): Uint8Array<ArrayBuffer> {
  const { precision = "f32", format = "safetensors" } = options;
  const { rank, alpha, layers } = checkRanks(adapter, "write");
  const tensors = castTensors(
    new Map([...layers].flatMap(([layer, { a, b }]) => {
      const names = loraNames(layer);
      return [[names.a, a], [names.b, b]] as const;
    })),
    { precision },
  );
  if (format === "safetensors") {
    const targets = JSON.stringify([...layers.keys()]);
    const metadata = {
      format: "pt",
      [loraMarker.key]: loraMarker.version,
      rank: String(rank),
      alpha: String(alpha),
      targets,
    };
    return joinChunks(safetensorsChunks(tensors, new Map(Object.entries(metadata))));
  }
  if (alpha === rank) return writeTorchCheckpoint(tensors);
  throw new WeightError(`Cannot write LoRA "alpha": upstream's files have none, so ${alpha} must be the rank, ${rank}`);
}

/** The same change as an adapter whose alpha is its rank, which upstream's files can hold: B takes the factor over. */
export function foldAlpha({ rank, alpha, layers }: LoraAdapter): LoraAdapter {
  if (alpha === rank) return { rank, alpha, layers };
  const scaled = (tensor: SourceTensor): SourceTensor => ({
    shape: tensor.shape,
    toFloat32: () => tensor.toFloat32().map((value) => value * alpha / rank),
  });
  return { rank, alpha: rank, layers: new Map([...layers].map(([layer, { a, b }]) => [layer, { a, b: scaled(b) }])) };
}
