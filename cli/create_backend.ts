/**
 * A backend by itself, for commands that measure one.
 *
 * @module
 */
import type { Backend } from "../core/backend.ts";
import { type ModelConfig, partOf } from "../core/config.ts";
import { createRegistry } from "../plugins/mod.ts";
import { openFiles } from "../sdk/files.ts";
import { type CacheFlagValues, cacheFolderNotes } from "./hub_flags.ts";
import { note } from "./terminal.ts";

/** Where the names in a config start from, and the flags of the cache. */
export interface CliBackendOptions {
  /** URL that relative names start from. */
  readonly base: URL;
  /** Flags of the command line. */
  readonly flags: CacheFlagValues;
}

/** Creates the backend that a config names; `wasm` by default. */
export async function createCliBackend(
  part: ModelConfig["backend"],
  { base, flags }: CliBackendOptions,
): Promise<Backend> {
  const { use, options = {} } = partOf(part ?? "wasm");
  const plugin = await createRegistry().resolve("backend", use, { base });
  const readFile = (path: string) => openFiles({ base }).read(path);
  return await plugin.create(plugin.parseOptions(options), { readFile, notice: note, notes: cacheFolderNotes(flags) });
}
