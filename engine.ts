/**
 * The engine: a typed graph that is planned once and replayed, backends that run it, and the MiniMind-V family on top.
 *
 * @example A graph of one call on the reference backend
 * ```ts
 * import { createReferenceBackend, Graph, planGraph } from "@minimind/v/engine";
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
export type * from "./core/constraint.ts";
export type * from "./core/decoder.ts";
export * from "./core/encoder.ts";
export * from "./core/generate.ts";
export * from "./core/graph/mod.ts";
export * from "./core/hidden_states.ts";
export * from "./core/image_encoder.ts";
export * from "./core/logprobs.ts";
export * from "./core/lora.ts";
export * from "./core/model.ts";
export * from "./core/model_plans.ts";
export * from "./core/placeholders.ts";
export type * from "./core/projector.ts";
export type { PromptOptions } from "./core/prompt_tokens.ts";
export type { RowDecoderOptions } from "./core/row_decoder.ts";
export * from "./core/sampling.ts";
export * from "./core/storages.ts";
export * from "./core/weights.ts";
export type { WholePromptOptions } from "./core/whole_prompt.ts";

export { createReferenceBackend } from "./backends/reference/mod.ts";
export * from "./backends/wasm/mod.ts";

export * from "./encoders/clip.ts";
export * from "./encoders/onnx.ts";
export * from "./encoders/siglip.ts";
export * from "./encoders/transformers.ts";
export type { EncodeOptions, Trace, VitOptions } from "./encoders/vit.ts";

export * from "./projectors/linear.ts";
export * from "./projectors/mlp.ts";

export * from "./decoders/minimind/mod.ts";
