/**
 * What the cache holds, and how to remove it.
 *
 * @module
 */
import type { FileStore, StoredFile } from "./file_store.ts";
import { isRemoteName, parseHubName } from "./hub_name.ts";
import { repositoryFolder, repositoryOf, urlFolder } from "./layout.ts";

/** The files of one repository or URL in the cache. */
export interface CacheEntry {
  /** Repository as `owner/name`, or the front of a URL. */
  readonly name: string;
  /** Whole files. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Bytes of downloads that were broken off. */
  readonly unfinished: number;
}

/** Everything in a cache by name. */
export async function listCache(store: FileStore): Promise<readonly CacheEntry[]> {
  const entries = new Map<string, { files: number; bytes: number; unfinished: number }>();
  for (const file of await store.list("")) {
    const name = entryOf(file.path);
    if (name === undefined) continue;
    const entry = entries.get(name) ?? { files: 0, bytes: 0, unfinished: 0 };
    entries.set(name, entry);
    if (isPartial(file.path)) entry.unfinished += file.size;
    else {
      entry.files++;
      entry.bytes += file.size;
    }
  }
  return [...entries].map(([name, entry]) => ({ name, ...entry })).sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * The files in a cache that a name means: a repository (`owner/name` or `hf:owner/name`), a file of one in all its
 * revisions (`hf:owner/name/path`), or a URL as {@link listCache} shows it.
 *
 * @throws {ConfigError} if the name is malformed
 */
export async function findCached(store: FileStore, name: string): Promise<readonly StoredFile[]> {
  if (/^https?:/.test(name)) {
    return (await store.list(urlFolder)).filter(({ path }) => entryOf(path) === name);
  }
  const { repository, path: wanted } = parseHubName(isRemoteName(name) ? name : `hf:${name}`);
  const files = await store.list(repositoryFolder(repository));
  if (wanted === "") return files;
  return files.filter(({ path }) => {
    const [, ...parts] = path.split("/");
    if (isPartial(path)) return parts.slice(3, -1).join("/") === wanted;
    return parts[0] === "snapshots" && parts.slice(2).join("/") === wanted;
  });
}

/** Removes what {@link findCached} finds, and with a repository what is noted about it. */
export async function removeCached(store: FileStore, name: string): Promise<void> {
  for (const { path } of await findCached(store, name)) await store.remove(path);
  if (/^https?:/.test(name)) return;
  const { repository, path } = parseHubName(isRemoteName(name) ? name : `hf:${name}`);
  if (path === "") await store.remove(repositoryFolder(repository));
}

/** The entry a file counts for; undefined for notes. */
function entryOf(path: string): string | undefined {
  const [top = "", ...parts] = path.split("/");
  if (top === urlFolder) return decode(parts[parts[0] === "partial" ? 1 : 0] ?? "");
  return parts[0] === "snapshots" || parts[0] === "partial" ? repositoryOf(top) : undefined;
}

function decode(folder: string): string {
  try {
    return decodeURIComponent(folder);
  } catch {
    return folder; // not one of ours
  }
}

function isPartial(path: string): boolean {
  return path.split("/")[1] === "partial";
}
