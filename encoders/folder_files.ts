/**
 * Lets transformers.js read the files of a model from wherever its user has them.
 *
 * The library looks into the cache of its `env` before it asks disk or hub, so a cache that knows one made-up model id
 * is all it takes.
 *
 * @module
 */

/** Reads a file by its path inside the model's folder, such as `onnx/model.onnx`. */
export type ReadModelFile = (path: string) => Promise<Uint8Array<ArrayBuffer>>;

/** A cache as transformers.js wants it. */
export interface FileCache {
  /** The response of a key; undefined if there is none. */
  match(key: string): Promise<unknown>;
  /** Keeps a response. */
  put(key: string, response: unknown, progress?: unknown): Promise<unknown>;
}

/** The settings of transformers.js that matter here. */
export interface TransformersEnv {
  /** Whether `customCache` is used. */
  useCustomCache: boolean;
  /** Where files are looked for first. */
  customCache: FileCache | null;
}

/**
 * Runs `load` with the id of a model whose files `readFile` reads.
 *
 * @throws what `readFile` threw, if `load` failed for want of a file
 */
export async function withFolder<Result>(
  env: TransformersEnv,
  { readFile, load }: { readonly readFile: ReadModelFile; readonly load: (id: string) => Promise<Result> },
): Promise<Result> {
  const folder = new Folder(readFile);
  const cache = FolderCache.of(env);
  cache.folders.add(folder);
  try {
    return await load(folder.id);
  } catch (error) {
    const missing = error instanceof Error && error.name === "ModelFileNotFoundError";
    throw missing ? folder.failure ?? error : error;
  } finally {
    cache.folders.delete(folder);
    cache.leave(env);
  }
}

/** One model's files while it is loaded. */
class Folder {
  /** Shaped like an id of the hub, or else the library would take it for a path. */
  readonly id = `folder/${crypto.randomUUID()}`;
  /** Why the last file could not be read: the library itself only knows that it is missing. */
  failure: unknown;
  readonly #readFile: ReadModelFile;
  /** The library asks for a file twice, first whether it is there and then for what it holds. */
  readonly #files = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(readFile: ReadModelFile) {
    this.#readFile = readFile;
  }

  /** A file by the key it has in a cache: a path or a URL that ends with id, perhaps revision, and path. */
  async find(key: string): Promise<Response | undefined> {
    const [, path] = key.split(`${this.id}/`);
    if (path === undefined) return undefined;
    const name = path.replace(/^resolve\/[^/]+\//, "");
    try {
      const file = this.#files.get(name) ?? this.#readFile(name);
      this.#files.set(name, file);
      return new Response(await file);
    } catch (error) {
      this.failure = error;
      return undefined;
    }
  }
}

/** Stands in `env` as long as one folder needs it; other models still find the cache that was there before. */
class FolderCache implements FileCache {
  readonly folders = new Set<Folder>();
  readonly #before: TransformersEnv;

  constructor({ useCustomCache, customCache }: TransformersEnv) {
    this.#before = { useCustomCache, customCache };
  }

  /** The one in `env`, put there if it is none yet. */
  static of(env: TransformersEnv): FolderCache {
    if (env.useCustomCache && env.customCache instanceof FolderCache) return env.customCache;
    const cache = new FolderCache(env);
    Object.assign(env, { useCustomCache: true, customCache: cache });
    return cache;
  }

  /** Gives `env` back once no folder is left. */
  leave(env: TransformersEnv): void {
    if (this.folders.size === 0 && env.customCache === this) Object.assign(env, this.#before);
  }

  async match(key: string): Promise<unknown> {
    for (const folder of this.folders) {
      const file = await folder.find(key);
      if (file !== undefined) return file;
    }
    return this.#before.customCache?.match(key);
  }

  async put(key: string, response: unknown, progress?: unknown): Promise<unknown> {
    return await this.#before.customCache?.put(key, response, progress);
  }
}
