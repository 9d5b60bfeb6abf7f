/**
 * Where notes are kept: in the cache of downloads, or in the cache that pages have.
 *
 * @module
 */
import type { Notes } from "../core/notes.ts";
import type { FileStore } from "../data/hub/file_store.ts";

/** Folder of notes in a store. */
const folder = "notes";

/** Notes in a store, which is opened when one is asked for. A store that cannot be used is like one without notes. */
export function storeNotes(open: () => FileStore | Promise<FileStore>): Notes {
  const attempt = async <Result>(
    access: "read" | "write",
    name: string,
    use: (store: FileStore, path: string) => Promise<Result>,
  ): Promise<Result | undefined> => {
    try {
      const store = await open(), path = `${folder}/${name}`;
      return mayUse(store, access) ? await use(store, path) : undefined;
    } catch {
      return undefined; // by the contract: nothing depends on a note
    }
  };
  return {
    read: (name) => attempt("read", name, async (store, path) => new TextDecoder().decode(await store.read(path))),
    async write(name, text) {
      await attempt("write", name, async (store, path) => {
        const writer = await store.append(path, 0);
        try {
          await writer.write(new TextEncoder().encode(text));
        } finally {
          await writer.close();
        }
      });
    },
  };
}

/** Deno would ask for a permission that is missing, in the middle of loading a model. */
function mayUse({ onDisk, location }: FileStore, name: "read" | "write"): boolean {
  if (!onDisk || typeof Deno === "undefined") return true;
  return Deno.permissions.querySync({ name, path: location }).state === "granted";
}

/** Name of the cache, and where its entries seem to be. */
const cacheName = "@minimind/v", cacheBase = "https://notes.invalid/";

/**
 * Notes in the `caches` of an origin, and under Deno of a program: what pages and workers have alike, wherever they have
 * WebGPU, for both ask for a secure context. Where there is no such thing nothing is kept.
 */
export function cacheNotes(): Notes {
  const attempt = async <Result>(use: (cache: Cache) => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await use(await caches.open(cacheName));
    } catch {
      return undefined; // no room, or forbidden by the browser's settings
    }
  };
  return {
    read: (name) => attempt(async (cache) => await (await cache.match(cacheBase + name))?.text()),
    write: async (name, text) => void await attempt((cache) => cache.put(cacheBase + name, new Response(text))),
  };
}
