/**
 * The flags and environment variables of commands that use the hub.
 *
 * @module
 */
import type { Notes } from "../core/notes.ts";
import { cacheDirectory, cacheVariables } from "../data/hub/cache_directory.ts";
import type { FileStore, Hub } from "../data/hub/mod.ts";
import { storeNotes } from "../sdk/notes.ts";
import type { FlagValue } from "./flags.ts";

/** The flag that names the cache, for {@link parseFlags}. */
export const cacheFlags = {
  "cache-dir": {
    type: "string",
    value: "DIR",
    summary: "Where downloads are kept (default $MINIMIND_CACHE, else the hub's or the system's cache folder)",
  },
} as const;

/** Flags of commands that download, for {@link parseFlags}. */
export const hubFlags = {
  ...cacheFlags,
  offline: { type: "boolean", summary: "Use only what is in the cache (also HF_HUB_OFFLINE=1)" },
} as const;

/** Values of {@link cacheFlags}. */
export interface CacheFlagValues {
  /** Value of `--cache-dir`. */
  readonly "cache-dir": FlagValue<"string">;
}

/** Values of {@link hubFlags}. */
export interface HubFlagValues extends CacheFlagValues {
  /** Value of `--offline`. */
  readonly offline: FlagValue<"boolean">;
}

/**
 * The cache folder that the flags or the environment name.
 *
 * @throws {TypeError} if nothing names one
 */
export function cacheFolder({ "cache-dir": folder }: CacheFlagValues): string {
  const found = folder ?? cacheDirectory({ env: readEnv, os: Deno.build.os });
  if (found !== undefined) return found;
  const denied = cacheVariables.some((variable) => !mayRead(variable));
  const hint = denied ? `, or allow its variables to be read: --allow-env=${cacheVariables.join(",")}` : "";
  throw new TypeError(`Cannot find the cache folder: name it with --cache-dir or MINIMIND_CACHE${hint}`);
}

/** Notes in the cache folder; none where nothing names one. */
export function cacheFolderNotes(flags: CacheFlagValues): Notes {
  return storeNotes(() => openStore(flags));
}

/** Access to the hub as the flags, `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` say; its code is loaded only here. */
export async function openHub(flags: HubFlagValues): Promise<Hub> {
  const [{ createHub }, store] = await Promise.all([import("../data/hub/hub.ts"), openStore(flags)]);
  return createHub({
    store,
    endpoint: readEnv("HF_ENDPOINT"),
    token: readEnv("HF_TOKEN"),
    offline: flags.offline || ["1", "ON", "YES", "TRUE"].includes(readEnv("HF_HUB_OFFLINE")?.toUpperCase() ?? ""),
  });
}

async function openStore(flags: CacheFlagValues): Promise<FileStore> {
  const { createFileStore } = await import("../sdk/file_store.ts");
  return createFileStore(cacheFolder(flags));
}

/** An environment variable; one that may not be read counts as not set, and nobody is asked for the permission. */
function readEnv(variable: string): string | undefined {
  return mayRead(variable) ? Deno.env.get(variable) || undefined : undefined;
}

function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}
