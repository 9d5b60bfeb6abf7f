/**
 * A file store that lasts as long as the program: for browsers and edges without files.
 *
 * @module
 */
import { toHex } from "./checksum.ts";
import type { FileStore, StoredFile } from "./file_store.ts";

interface Entry {
  readonly chunks: Uint8Array<ArrayBuffer>[];
  size: number;
  modified: number;
}

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** Bytes it may hold. Default no limit. */
  readonly capacity?: number | undefined;
}

/** Creates an empty store in memory. Writing beyond its capacity fails with a `QuotaExceededError`. */
export function createMemoryStore({ capacity = Infinity }: MemoryStoreOptions = {}): FileStore {
  const entries = new Map<string, Entry>();
  const used = () => [...entries.values()].reduce((sum, { size }) => sum + size, 0);
  const inside = (folder: string) =>
    [...entries.keys()].filter((path) => folder === "" || path.startsWith(`${folder}/`));
  const read = (path: string): Uint8Array<ArrayBuffer> => {
    const entry = entries.get(path);
    if (entry === undefined) throw new TypeError(`Cannot read "${path}": the store has no such file`);
    const bytes = new Uint8Array(entry.size);
    let at = 0;
    for (const chunk of entry.chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  };
  return {
    location: "memory",
    locate: (path) => `memory:${path}`,
    stat: (path) => Promise.resolve(entries.get(path)),
    read: (path) => Promise.resolve().then(() => read(path)),
    async sha256(path) {
      return toHex(await crypto.subtle.digest("SHA-256", read(path)));
    },
    append(path, at) {
      const kept = entries.has(path) ? read(path).slice(0, at) : new Uint8Array();
      const entry: Entry = { chunks: [kept], size: kept.length, modified: Date.now() };
      entries.set(path, entry);
      return Promise.resolve({
        write(chunk: Uint8Array): Promise<void> {
          if (used() + chunk.length > capacity) {
            return Promise.reject(new DOMException(`only ${capacity} bytes fit`, "QuotaExceededError"));
          }
          entry.chunks.push(new Uint8Array(chunk));
          entry.size += chunk.length;
          entry.modified = Date.now();
          return Promise.resolve();
        },
        close: () => Promise.resolve(),
      });
    },
    touch(path) {
      const entry = entries.get(path);
      if (entry !== undefined) entry.modified = Date.now();
      return Promise.resolve(entry !== undefined);
    },
    rename(from, to) {
      const entry = entries.get(from);
      if (entry === undefined) return Promise.resolve(false);
      entries.delete(from);
      entries.set(to, entry);
      return Promise.resolve(true);
    },
    remove(path) {
      for (const name of [path, ...inside(path)]) entries.delete(name);
      return Promise.resolve();
    },
    list(folder) {
      const files = inside(folder).map((path): StoredFile => {
        const { size, modified } = entries.get(path)!;
        return { path, size, modified };
      });
      return Promise.resolve(files);
    },
    free: () => Promise.resolve(capacity === Infinity ? undefined : capacity - used()),
  };
}
