/**
 * MiniMind-V in TypeScript: load a small vision-language model, chat with it about images, serve it.
 *
 * Other doors of the package have the rest, so that importing this one stays light: `@minimind/v/serve` the HTTP server,
 * `@minimind/v/disk` files on a disk, `@minimind/v/hub` downloads, `@minimind/v/images` decoding and resizing,
 * `@minimind/v/checkpoints` files of weights, `@minimind/v/engine` graph, planner, backends and the models' maths,
 * `@minimind/v/train` data sets, training and metrics, `@minimind/v/testing` what every part must pass.
 *
 * @example Chat
 * ```ts
 * import { loadModel } from "@minimind/v";
 *
 * await using model = await loadModel("random"); // or "minimind-3v", a folder, a config
 * for await (const event of model.chat([{ role: "user", content: "Hello" }], { maxNewTokens: 4 })) {
 *   if (event.type === "text-delta") console.log(event.text);
 * }
 * ```
 *
 * @module
 */
export * from "./sdk/mod.ts";

// What a config says, and what a plugin needs.
export * from "./core/config.ts";
export * from "./core/errors.ts";
export * from "./core/fields.ts";
export type * from "./core/notes.ts";
export * from "./core/plugin.ts";
export * from "./core/registry.ts";
export type * from "./core/backend.ts";
export type * from "./core/decoder.ts";
export * from "./core/encoder.ts";
export type * from "./core/projector.ts";
export type * from "./core/server.ts";
export * from "./core/version.ts";
export type { Graph } from "./core/graph/graph.ts";
export type { Plan } from "./core/graph/plan.ts";
export type * from "./core/graph/tensor.ts";
export type { VisionLanguageModel } from "./core/model.ts";
export type { PlaceholderRule } from "./core/placeholders.ts";
export * from "./plugins/mod.ts";
export * from "./models/mod.ts";

// What a loaded model is made of, and what is told of it.
export * from "./core/tokenizer.ts";
export * from "./data/tokenizer/parse_tokenizer.ts";
export * from "./data/chat_template.ts";
export * from "./data/chat/render.ts";
export { type ChatIds, imageIndex, type ImageIndexOptions } from "./data/chat/chat_ids.ts";
export type { ChatMessage, ContentPart } from "./data/chat/message.ts";
export type { Span } from "./data/chat/span.ts";
export * from "./data/load_summary.ts";
export { HubError } from "./data/hub/hub_error.ts";
export type { DownloadProgress, Hub, WantedFile } from "./data/hub/mod.ts";
export type { Preprocessor } from "./data/image/mod.ts";
export type { ByteSource } from "./data/byte_source.ts";
export type { FolderFiles } from "./data/model_folder.ts";
export type { ParameterOrigin, SourceTensor, TensorSource } from "./core/weights.ts";

// No top-level await: a plugin that imports the package while the command line waits for it would never load.
if (import.meta.main) import("./cli/main.ts").then(({ run }) => run(Deno.args)).then(Deno.exit);
