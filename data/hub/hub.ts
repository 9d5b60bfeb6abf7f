/**
 * Files of model repositories, downloaded once and kept.
 *
 * The hub's own library (`@huggingface/hub`) answers what a repository holds: commits, sizes, checksums. The bytes are
 * fetched here, because the library can neither resume, verify nor abort a download, nor keep two of them apart.
 *
 * @module
 */
import { formatBytes } from "./bytes.ts";
import { downloadFile, type DownloadPhase, type RemoteFile } from "./download_file.ts";
import type { FileStore } from "./file_store.ts";
import { HubError } from "./hub_error.ts";
import { partialFolder } from "./layout.ts";
import { planFiles, type WantedFile } from "./plan.ts";
import type { Connection } from "./request.ts";

/** Options of {@link createHub}. */
export interface HubOptions {
  /** Where files are kept. */
  readonly store: FileStore;
  /** Address of the hub or of a mirror. Default `https://huggingface.co`. */
  readonly endpoint?: string | undefined;
  /** Access token, sent to that address alone. Default none. */
  readonly token?: string | undefined;
  /** Whether to use the cache alone. Default false. */
  readonly offline?: boolean | undefined;
  /** Attempts after a failed one that brought little. Default 5. */
  readonly retries?: number | undefined;
  /** Wait before the second attempt in milliseconds; it doubles from one to the next. Default 500. */
  readonly retryDelay?: number | undefined;
  /** Milliseconds without a byte after which a connection counts as broken. Default 20000. */
  readonly stallTimeout?: number | undefined;
  /** Sends requests. Default the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** How far the downloads of one call are. */
export interface DownloadProgress {
  /** Name of the file that is being worked on. */
  readonly file: string;
  /** What is being done to it. */
  readonly phase: DownloadPhase;
  /** Bytes there are, of all files that this call downloads, what earlier calls left included. */
  readonly loaded: number;
  /** Bytes of all these files; undefined if a server does not tell the size of one. */
  readonly total: number | undefined;
  /** Files that are complete. */
  readonly filesDone: number;
  /** Files that this call downloads. */
  readonly files: number;
}

/** Options of {@link Hub.download}. */
export interface DownloadOptions {
  /** Ends the downloads; what has arrived is kept for the next call. */
  readonly signal?: AbortSignal | undefined;
  /** Is told the progress, often: with every chunk that arrives. Not called when all files are in the cache. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Whether to ask where branches and tags stand now. Default false: what the cache has is used without asking. */
  readonly refresh?: boolean | undefined;
}

/** A file in the cache. */
export interface CachedFile {
  /** Its path in the store. */
  readonly path: string;
  /** Where that is: on a disk, the absolute path. */
  readonly location: string;
}

/** Downloads files of model repositories, and finds those it has. */
export interface Hub {
  /** Where files are kept. */
  readonly store: FileStore;
  /**
   * Makes sure that files are in the cache, and says where, by the names they were asked for. Optional files that do
   * not exist are missing from the result. With all files there, nothing is sent.
   *
   * @throws {ConfigError} if a name is malformed
   * @throws {HubError} if a file cannot be had or kept, saying what to do
   */
  download(
    files: readonly (string | WantedFile)[],
    options?: DownloadOptions,
  ): Promise<ReadonlyMap<string, CachedFile>>;
}

/**
 * Creates access to the hub.
 *
 * @example
 * ```ts ignore
 * const hub = createHub({ store: createFileStore("models"), token });
 * const files = await hub.download(["hf:openai/clip-vit-base-patch16/config.json"], { onProgress: console.log });
 * ```
 */
export function createHub(options: HubOptions): Hub {
  const { store, token, offline = false, retries = 5, retryDelay = 500, stallTimeout = 20_000 } = options;
  const endpoint = (options.endpoint ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!URL.canParse(endpoint)) throw new HubError(`Cannot use "${endpoint}" as the hub: it is no URL`);
  const connection: Connection = {
    endpoint,
    token: token || undefined,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)), // browsers refuse it as anything's method
  };
  return {
    store,
    async download(files, { signal, onProgress, refresh = false } = {}) {
      const wanted = new Map(files.map((file) => typeof file === "string" ? { name: file } : file).map(byName));
      const attempts = { retries, retryDelay, signal };
      const { paths, missing } = await planFiles(connection, [...wanted.values()], {
        ...attempts,
        store,
        offline,
        refresh,
      });
      await checkRoom(store, missing);
      const report = progressOf(missing, onProgress);
      for (const [index, file] of missing.entries()) {
        await downloadFile(connection, file, { ...attempts, store, stallTimeout, report: report(index) });
      }
      return new Map([...paths].map(([name, path]) => [name, { path, location: store.locate(path) }]));
    },
  };
}

function byName(file: WantedFile): [string, WantedFile] {
  return [file.name, file];
}

/** Better to fail now than after most of it has arrived. */
async function checkRoom(store: FileStore, missing: readonly RemoteFile[]): Promise<void> {
  if (missing.length === 0) return;
  const free = await store.free();
  let needed = 0;
  for (const { size = 0, path } of missing) {
    const partial = await store.list(partialFolder(path));
    needed += size - Math.min(size, Math.max(0, ...partial.map((file) => file.size)));
  }
  if (free === undefined || free >= needed) return;
  throw new HubError(
    `Cannot download "${missing[0]!.name}"${missing.length > 1 ? ` and ${missing.length - 1} more` : ""}: ` +
      `${formatBytes(needed)} do not fit, ${store.location} has room for ${formatBytes(free)}; ` +
      `make room or choose another cache folder`,
  );
}

/** For each file what its download reports to; together they add up to one progress. */
function progressOf(
  missing: readonly RemoteFile[],
  onProgress: DownloadOptions["onProgress"],
): (index: number) => (phase: DownloadPhase, loaded: number) => void {
  const sizes = missing.map(({ size }) => size);
  const total = sizes.reduce((sum, size) => sum === undefined || size === undefined ? undefined : sum + size, 0);
  const loaded = sizes.map(() => 0);
  return (index) => (phase, bytes) => {
    loaded[index] = bytes;
    onProgress?.({
      file: missing[index]!.name,
      phase,
      loaded: loaded.reduce((sum, part) => sum + part, 0),
      total,
      filesDone: index,
      files: missing.length,
    });
  };
}
