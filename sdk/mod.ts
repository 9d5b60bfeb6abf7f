/**
 * The library's front door: load a model, chat with it.
 *
 * @module
 */
export type * from "../core/chat_events.ts";
export * from "./chat_model.ts";
export { type Files, type FilesOptions, openFiles } from "./files.ts";
export { loadModel, type LoadOptions } from "./load_model.ts";
