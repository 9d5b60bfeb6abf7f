/**
 * A backend by itself, for commands that measure one.
 *
 * @module
 */
import type { Backend } from "../core/backend.ts";
import { type ModelConfig, partOf } from "../core/config.ts";
import { createRegistry } from "../plugins/mod.ts";
import { openFiles } from "../sdk/files.ts";
import { note } from "./terminal.ts";

/** Creates the backend that a config names; `wasm` by default. */
export async function createCliBackend(part: ModelConfig["backend"], base: URL): Promise<Backend> {
  const { use, options = {} } = partOf(part ?? "wasm");
  const plugin = await createRegistry().resolve("backend", use, { base });
  const readFile = (path: string) => openFiles({ base }).read(path);
  return await plugin.create(plugin.parseOptions(options), { readFile, notice: note });
}
