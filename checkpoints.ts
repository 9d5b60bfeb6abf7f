/**
 * Files of weights: safetensors, PyTorch's, folders, adapters; what they hold, and how to write them.
 *
 * @example What a file holds
 * ```ts ignore
 * import { inferModel, modelTensors, openCheckpoint } from "@minimind/v/checkpoints";
 *
 * const checkpoint = await openCheckpoint([{ name: "model.pth", bytes: await Deno.readFile("model.pth") }]);
 * console.log(inferModel(modelTensors(checkpoint)).sizes);
 * ```
 *
 * @module
 */
export type { ByteSource } from "./data/byte_source.ts";
export * from "./data/checkpoint.ts";
export * from "./data/export.ts";
export * from "./data/infer_encoder.ts";
export * from "./data/infer_model.ts";
export * from "./data/known_models.ts";
export { checkLora, isLora, type LoraAdapter, type LoraLayer, readLora, squareLayers } from "./data/lora_file.ts";
export * from "./data/lora_merge.ts";
export * from "./data/lora_writer.ts";
export * from "./data/model_folder.ts";
export * from "./data/safetensors.ts";
export * from "./data/safetensors_writer.ts";
export * from "./data/saved_tensor.ts";
export * from "./data/torch_checkpoint/mod.ts";
export * from "./data/torch_checkpoint/write.ts";
