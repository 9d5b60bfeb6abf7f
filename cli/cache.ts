/**
 * `minimind cache`: what has been downloaded, and how to be rid of it.
 *
 * @module
 */
import { findCached, formatBytes, listCache, removeCached } from "../data/hub/mod.ts";
import type { FileStore } from "../data/hub/mod.ts";
import { presets } from "../models/mod.ts";
import { createFileStore } from "../sdk/file_store.ts";
import type { Command } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { counted } from "./format.ts";
import { cacheFlags, cacheFolder } from "./hub_flags.ts";

const flags = {
  ...cacheFlags,
  yes: { type: "boolean", summary: "With rm: do not ask" },
  all: { type: "boolean", summary: "With rm: everything" },
  json: { type: "boolean", summary: "With ls: print JSON" },
} as const;

/** Lists or removes downloaded files. */
export const cacheCommand: Command = {
  name: "cache",
  summary: "List or remove downloaded files",
  usage: "ls | rm NAME…",
  flags,
  examples: [
    "cache ls",
    "cache rm openai/clip-vit-base-patch16",
    "cache rm minimind-3v --yes",
    "cache rm --all --cache-dir models",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags: { yes, all, json, ...where }, positional: [action, ...names] } = parseFlags(args, flags);
  const store = createFileStore(cacheFolder(where));
  if (action === "ls" && names.length === 0) return await list(store, json);
  if (action === "rm") return await remove(store, { yes, names: all ? await allNames(store) : names });
  throw new TypeError(
    `Cannot run "${["cache", action, ...names].filter(Boolean).join(" ")}": there are cache ls and cache rm NAME…`,
  );
}

async function list(store: FileStore, json: boolean): Promise<number> {
  const entries = await listCache(store);
  if (json) {
    console.log(JSON.stringify({ folder: store.location, entries }, undefined, 2));
    return 0;
  }
  const width = Math.max(4, ...entries.map(({ name }) => name.length));
  const row = (name: string, files: string, size: string) => [name.padEnd(width), files.padStart(5), size.padStart(10)];
  if (entries.length > 0) console.log(row("NAME", "FILES", "SIZE").join("  "));
  for (const { name, files, bytes, unfinished } of entries) {
    const rest = unfinished > 0 ? [`and ${formatBytes(unfinished)} unfinished`] : [];
    console.log([...row(name, String(files), formatBytes(bytes)), ...rest].join("  "));
  }
  const files = entries.reduce((sum, entry) => sum + entry.files, 0);
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes + entry.unfinished, 0);
  console.log(`${counted(files, "file")}, ${formatBytes(bytes)} in ${store.location}`);
  return 0;
}

async function remove(
  store: FileStore,
  { names, yes }: { readonly names: readonly string[]; readonly yes: boolean },
): Promise<number> {
  if (names.length === 0) throw new TypeError("Cannot remove: name what cache ls shows, a model, or give --all");
  const found = new Map<string, number>();
  for (const name of names.flatMap(filesOf)) {
    const files = await findCached(store, name);
    for (const { path, size } of files) found.set(path, size);
    if (files.length === 0 && names.includes(name)) {
      throw new TypeError(`Cannot remove "${name}": it is not in ${store.location}; see cache ls`);
    }
  }
  const bytes = formatBytes([...found.values()].reduce((sum, size) => sum + size, 0));
  const what = `${names.join(", ")} (${counted(found.size, "file")}, ${bytes}) from ${store.location}`;
  if (found.size === 0) throw new TypeError(`Cannot remove ${names.join(", ")}: nothing of it is in ${store.location}`);
  if (!yes && !Deno.stdin.isTerminal()) {
    throw new TypeError(`Cannot remove ${what} without asking, and this is no terminal: give --yes`);
  }
  if (!yes && !confirm(`Remove ${what}?`)) return 1;
  for (const name of names.flatMap(filesOf)) await removeCached(store, name);
  console.log(`Removed ${what}`);
  return 0;
}

async function allNames(store: FileStore): Promise<string[]> {
  return (await listCache(store)).map(({ name }) => name);
}

/** A model's name stands for its files; they may be another model's too. */
function filesOf(name: string): string[] {
  const preset = presets.get(name.toLowerCase());
  if (preset === undefined) return [name];
  const { encoder, projector, decoder, weights, tokenizer } = preset.config;
  const parts = [encoder, projector, decoder].flatMap((part) => typeof part === "object" ? part.weights : []);
  return [parts, weights, tokenizer].flat(2).filter((file) => file !== undefined);
}
