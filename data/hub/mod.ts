/**
 * Files of model repositories: downloaded once, verified, kept, and found again without a network.
 *
 * @module
 */
export { formatBytes } from "./bytes.ts";
export * from "./cache.ts";
export * from "./cache_directory.ts";
export type { DownloadPhase } from "./download_file.ts";
export * from "./file_store.ts";
export * from "./hub.ts";
export { HubError } from "./hub_error.ts";
export * from "./hub_name.ts";
export * from "./memory_store.ts";
export type { WantedFile } from "./plan.ts";
