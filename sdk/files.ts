/**
 * Reads the files that a config names: paths, URLs, and files of the hub.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import { type ByteSource, byteSource } from "../data/byte_source.ts";
import type { DownloadProgress, Hub, WantedFile } from "../data/hub/mod.ts";
import { isRemoteName } from "../data/hub/hub_name.ts";
import type { FolderFiles } from "../data/model_folder.ts";
import { OpenFiles } from "./disk_source.ts";
import { openFileSystem } from "./file_system.ts";

/** Options of {@link openFiles}. */
export interface FilesOptions {
  /** URL that relative names start from. */
  readonly base: URL;
  /** Access to the hub; made when first needed. Default: names of remote files are refused. */
  readonly hub?: (() => Hub | Promise<Hub>) | undefined;
  /** Told how far downloads are. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends reading and downloading. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads files by name. Disposing closes those that are open. */
export interface Files extends Disposable {
  /**
   * Downloads remote files together, with one progress; local ones are left alone. Resolves to the names of those that
   * there are: optional ones may be missing.
   */
  prefetch(files: readonly WantedFile[]): Promise<ReadonlySet<string>>;
  /**
   * All of a file.
   *
   * @throws {ConfigError} naming the file if it cannot be read
   */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * A file that is read piece by piece where it lies on a disk, and else all of it in memory.
   *
   * @throws {ConfigError} naming the file if it cannot be read
   */
  open(name: string): Promise<ByteSource>;
  /** URL of a name that is none of the hub's. */
  resolve(name: string): URL;
  /** Whether a name is of a local folder. */
  isFolder(name: string): Promise<boolean>;
  /** The files of a local folder. */
  folder(name: string): FolderFiles;
}

/** Opens the files that a config may name. */
export function openFiles(options: FilesOptions): Files {
  const { base, onProgress, signal } = options;
  let hub: Hub | Promise<Hub> | undefined;
  let disk: OpenFiles | undefined;
  const openHub = (name: string) => {
    if (options.hub === undefined) throw new ConfigError(`Cannot read "${name}": no access to the hub was given`);
    return hub ??= options.hub();
  };
  const download = async (files: readonly WantedFile[]) => {
    const { store, download } = await openHub(files[0]!.name);
    return { store, paths: await download(files, { signal, onProgress }) };
  };
  const openDisk = async () => {
    const system = await openFileSystem();
    return disk ??= new OpenFiles(system);
  };
  const attempt = async <Result>(name: string, read: () => Result | Promise<Result>): Promise<Result> => {
    try {
      return await read();
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw new ConfigError(`Cannot read "${name}": ${reasonOf(cause)}`, { cause });
    }
  };
  const inFolder = (folder: string, file: string) => {
    return new URL(encodeURIComponent(file), asFolder(resolveName(folder, base))).href;
  };
  const files: Files = {
    async prefetch(wanted) {
      const remote = wanted.filter(({ name }) => isRemoteName(name));
      return new Set(remote.length === 0 ? [] : (await download(remote)).paths.keys());
    },
    async read(name) {
      signal?.throwIfAborted();
      if (isRemoteName(name)) {
        const { store, paths } = await download([{ name }]);
        return await store.read(paths.get(name)!.path);
      }
      const url = resolveName(name, base);
      return await attempt(name, () => url.protocol === "file:" ? readLocal(url) : fetchFile(url, signal));
    },
    async open(name) {
      signal?.throwIfAborted();
      if (isRemoteName(name)) {
        const { store, paths } = await download([{ name }]);
        const { path, location } = paths.get(name)!;
        return store.onDisk ? (await openDisk()).open(location) : byteSource(await store.read(path));
      }
      const url = resolveName(name, base);
      if (url.protocol !== "file:") return byteSource(await files.read(name));
      return await attempt(name, async () => (await openDisk()).open(url));
    },
    resolve: (name) => resolveName(name, base),
    async isFolder(name) {
      const url = resolveName(name, base);
      if (isRemoteName(name) || url.protocol !== "file:") return false;
      const { stat } = await openFileSystem();
      return await stat(url).then(({ isDirectory }) => isDirectory, () => false);
    },
    folder: (name) => ({
      name: decodeURIComponent(resolveName(name, base).pathname.replace(/(?<=.)\/$/, "")),
      list: async () => {
        const { readDirectory } = await openFileSystem();
        return await readDirectory(resolveName(name, base));
      },
      read: (file) => files.read(inFolder(name, file)),
      open: (file) => files.open(inFolder(name, file)),
    }),
    [Symbol.dispose]() {
      disk?.[Symbol.dispose]();
      disk = undefined;
    },
  };
  return files;
}

/** URL of a name; a path is relative to `base`. */
export function resolveName(name: string, base: URL): URL {
  // A Windows drive looks like a scheme.
  const hasScheme = /^[a-z][a-z0-9+.-]+:/i.test(name);
  return new URL(hasScheme ? name : name.replaceAll("\\", "/").replaceAll("%", "%25").replaceAll("#", "%23"), base);
}

/** URL of a folder, which ends in a slash. */
export function asFolder(url: URL): URL {
  return url.pathname.endsWith("/") ? url : new URL(`${url.href}/`);
}

async function readLocal(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const { readFile } = await openFileSystem();
  return await readFile(url);
}

async function fetchFile(url: URL, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, signal === undefined ? {} : { signal });
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ("code" in cause && cause.code === "ENOENT") return "there is no such file";
  return cause.message;
}
