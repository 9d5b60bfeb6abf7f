/**
 * MiniMind-V in TypeScript: a typed graph that is planned once and replayed, backends that run it, and the
 * MiniMind-V family of small vision-language models on top.
 *
 * @example A graph of one call on the reference backend
 * ```ts
 * import { createReferenceBackend, Graph, planGraph } from "@minimind/v";
 *
 * const graph = new Graph();
 * const x = graph.input("x", "f32", [2, 3]);
 * graph.output("y", graph.scale(x, 0.5));
 *
 * await using backend = createReferenceBackend();
 * using program = backend.load(planGraph(graph), new Map());
 * program.write("x", new Float32Array([1, 2, 3, 4, 5, 6]));
 * program.run();
 * console.log(await program.read("y")); // Float32Array [0.5, 1, 1.5, 2, 2.5, 3]
 * ```
 *
 * @module
 */
export type { DrawOutput, GeneratedToken } from "./core/answers.ts";
export * from "./core/attention_maps.ts";
export type * from "./core/backend.ts";
export type { BeamOptions } from "./core/beam_search.ts";
export type * from "./core/chat_events.ts";
export * from "./core/config.ts";
export type * from "./core/constraint.ts";
export type * from "./core/decoder.ts";
export * from "./core/encoder.ts";
export * from "./core/errors.ts";
export * from "./core/fields.ts";
export * from "./core/generate.ts";
export * from "./core/graph/mod.ts";
export * from "./core/hidden_states.ts";
export * from "./core/image_encoder.ts";
export type * from "./core/logprobs.ts";
export * from "./core/lora.ts";
export * from "./core/model.ts";
export * from "./core/model_plans.ts";
export type * from "./core/notes.ts";
export * from "./core/placeholders.ts";
export * from "./core/plugin.ts";
export type * from "./core/projector.ts";
export type { PromptOptions } from "./core/prompt_tokens.ts";
export * from "./core/registry.ts";
export type { RowDecoderOptions } from "./core/row_decoder.ts";
export * from "./core/sampling.ts";
export type * from "./core/server.ts";
export * from "./core/storages.ts";
export * from "./core/tokenizer.ts";
export * from "./core/version.ts";
export * from "./core/weights.ts";
export type { WholePromptOptions } from "./core/whole_prompt.ts";

export * from "./data/chat/mod.ts";
export * from "./data/chat_template.ts";
export * from "./data/checkpoint.ts";
export { type ByteSource } from "./data/byte_source.ts";
export * from "./data/datasets/mod.ts";
export * from "./data/export.ts";
export * from "./data/hub/mod.ts";
export * from "./data/image/mod.ts";
export * from "./data/infer_encoder.ts";
export * from "./data/infer_model.ts";
export * from "./data/known_models.ts";
export * from "./data/load_summary.ts";
export * from "./data/lora_file.ts";
export * from "./data/metrics/mod.ts";
export * from "./data/lora_merge.ts";
export * from "./data/model_folder.ts";
export * from "./data/safetensors.ts";
export * from "./data/safetensors_writer.ts";
export * from "./data/saved_tensor.ts";
export * from "./data/tokenizer.ts";
export * from "./data/torch_checkpoint/mod.ts";
export * from "./data/torch_checkpoint/write.ts";

export { createReferenceBackend } from "./backends/reference/mod.ts";
export * from "./backends/wasm/mod.ts";

export * from "./encoders/clip.ts";
export * from "./encoders/siglip.ts";
export type { EncodeOptions, Trace, VitOptions } from "./encoders/vit.ts";

export * from "./projectors/linear.ts";
export * from "./projectors/mlp.ts";

export * from "./decoders/minimind/mod.ts";

export * from "./encoders/onnx.ts";
export * from "./encoders/transformers.ts";

export * from "./models/mod.ts";
export * from "./plugins/mod.ts";
export * from "./sdk/mod.ts";
export * from "./trainers/freeze.ts";
export * from "./trainers/lora.ts";
export * from "./trainers/optimiser.ts";
export * from "./trainers/schedule.ts";
export * from "./trainers/train_step.ts";

// No top-level await: a plugin that imports the package while the command line waits for it would never load.
if (import.meta.main) import("./cli/main.ts").then(({ run }) => run(Deno.args)).then(Deno.exit);
