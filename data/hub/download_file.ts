/**
 * Downloads one file into a store: goes on where an earlier download stopped, and gives the file its name only when
 * all of it is there and is what it should be.
 *
 * @module
 */
import { formatBytes } from "./bytes.ts";
import { checksumOf } from "./checksum.ts";
import type { FileInfo } from "./file_info.ts";
import { type FileStore, isLackOfRoom, isStoreError } from "./file_store.ts";
import { HubError, reasonOf, TransientError } from "./hub_error.ts";
import { claimPartial, type PartialFile, TakenOverError } from "./partial_file.ts";
import { type Connection, send } from "./request.ts";
import { retry, type RetryOptions } from "./retry.ts";
import { StallGuard } from "./stall_guard.ts";

/** A file to download. */
export interface RemoteFile extends FileInfo {
  /** Its name in messages. */
  readonly name: string;
  /** Where it is. */
  readonly url: URL;
  /** Where it will be in the store. */
  readonly path: string;
}

/** What a download is busy with: with another process that downloads the same file, with bytes, or with their checksum. */
export type DownloadPhase = "waiting" | "downloading" | "checking";

/** Options of {@link downloadFile}. */
export interface FileDownloadOptions extends RetryOptions {
  /** Keeps the file. */
  readonly store: FileStore;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly stallTimeout: number;
  /** Is told the bytes there are. */
  readonly report: (phase: DownloadPhase, loaded: number) => void;
}

/** Bytes that an attempt must bring for the count of attempts to start again. */
const progress = 1_000_000;

/**
 * Downloads a file.
 *
 * What has arrived stays for the next call when this one fails or is aborted, unless it proves wrong, or nothing
 * could tell next time whether it still belongs to the same file.
 *
 * @throws {HubError} if it cannot be had, is not what it should be, or finds no room
 */
export async function downloadFile(
  connection: Connection,
  file: RemoteFile,
  options: FileDownloadOptions,
): Promise<void> {
  const { store, signal } = options;
  for (;;) {
    try {
      return await claimAndFill(connection, file, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TakenOverError) continue;
      throw isStoreError(error) ? storeError(error, file, store) : error;
    }
  }
}

async function claimAndFill(connection: Connection, file: RemoteFile, options: FileDownloadOptions): Promise<void> {
  const { store, signal, report } = options;
  const resumable = file.checksum !== undefined;
  const waiting = (size: number) => report("waiting", size);
  const part = await claimPartial(store, file.path, { signal, resumable, waiting });
  if (part === undefined) return report("downloading", file.size ?? 0);
  try {
    if (!resumable) part.discard();
    const resumed = part.size > 0;
    await fill(connection, file, part, options);
    let right = await isRight(file, part, options);
    if (!right && resumed) {
      // An earlier download may have left the wrong bytes; what has just arrived is the server's doing.
      await part.cut(0);
      await fill(connection, file, part, options);
      right = await isRight(file, part, options);
    }
    if (!right) {
      part.discard();
      throw new HubError(
        `Cannot accept "${file.name}": its checksum is wrong, so ${file.url.host} has another file or it was damaged ` +
          `on the way; try again, or set HF_ENDPOINT to another mirror`,
      );
    }
    await part.finish();
  } finally {
    await part.release();
  }
}

/** Attempts until the part is complete. */
async function fill(
  connection: Connection,
  file: RemoteFile,
  part: PartialFile,
  options: FileDownloadOptions,
): Promise<void> {
  let etag: string | undefined;
  let start = 0;
  const attempt = async () => {
    start = part.size;
    if (file.size !== undefined && part.size === file.size) return;
    if (file.size !== undefined && part.size > file.size) await part.cut(0);
    const guard = new StallGuard(options.stallTimeout, options.signal);
    try {
      const response = await ask(connection, file, { part, etag, signal: guard.signal });
      etag = strongEtag(response);
      await receive(response, file, { part, guard, report: options.report });
    } catch (error) {
      if (!guard.stalled) throw error;
      const message = `Cannot download "${file.name}": nothing arrived for ${options.stallTimeout / 1000} s`;
      throw new TransientError(`${message}, at ${amount(part.size, file.size)}`, { cause: error });
    } finally {
      guard.stop();
    }
  };
  await retry(attempt, { ...options, progressed: () => part.size - start >= progress });
  await part.flush();
}

/** Asks for what the part lacks. */
async function ask(
  connection: Connection,
  file: RemoteFile,
  { part, etag, signal }: { part: PartialFile; etag: string | undefined; signal: AbortSignal },
): Promise<Response> {
  // Compressed on the way, a file has neither ranges nor a length.
  const headers = new Headers({ "accept-encoding": "identity" });
  if (part.size > 0) headers.set("range", `bytes=${part.size}-`);
  if (part.size > 0 && etag !== undefined) headers.set("if-range", etag);
  const response = await send(connection, file.url, { what: file.name, headers, signal });
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  const fits = response.status === 206 && Number(range?.[1]) === part.size;
  if (!fits && part.size > 0) await part.cut(0);
  if (!fits && response.status !== 200) {
    await response.body?.cancel();
    throw new TransientError(`Cannot download "${file.name}": ${file.url.host} does not send the part that is lacking`);
  }
  const encoded = response.headers.has("content-encoding");
  const total = response.status === 206 ? range?.[2] : encoded ? null : response.headers.get("content-length");
  if (file.size !== undefined && /^\d+$/.test(total ?? "") && Number(total) !== file.size) {
    await response.body?.cancel();
    throw new HubError(`Cannot accept "${file.name}": it has ${total} bytes, expected ${file.size}`);
  }
  return response;
}

/** Writes what arrives. */
async function receive(
  response: Response,
  file: RemoteFile,
  { part, guard, report }: { part: PartialFile; guard: StallGuard; report: FileDownloadOptions["report"] },
): Promise<void> {
  const broken = (reason: string, cause?: unknown) =>
    new TransientError(`Cannot download "${file.name}": ${reason}, at ${amount(part.size, file.size)}`, { cause });
  const reader = response.body?.getReader();
  const read = () =>
    reader?.read().catch((cause) => {
      throw guard.signal.aborted ? cause : broken(`the connection broke (${reasonOf(cause)})`, cause);
    });
  try {
    report("downloading", part.size);
    for (let chunk = await read(); chunk?.value !== undefined; chunk = await read()) {
      guard.beat();
      await part.write(chunk.value);
      report("downloading", part.size);
      if (file.size !== undefined && part.size > file.size) {
        part.discard();
        throw new HubError(`Cannot accept "${file.name}": it has more than the expected ${file.size} bytes`);
      }
    }
  } finally {
    reader?.cancel().catch(() => {});
  }
  if (file.size !== undefined && part.size < file.size) throw broken("the connection ended");
}

async function isRight(
  { checksum }: RemoteFile,
  part: PartialFile,
  { store, report }: FileDownloadOptions,
): Promise<boolean> {
  if (checksum === undefined) return true;
  report("checking", part.size);
  return await checksumOf(store, part.path, checksum.kind) === checksum.digest;
}

function strongEtag(response: Response): string | undefined {
  const etag = response.headers.get("etag");
  return etag?.startsWith('"') ? etag : undefined;
}

function amount(loaded: number, size: number | undefined): string {
  return size === undefined ? formatBytes(loaded) : `${formatBytes(loaded)} of ${formatBytes(size)}`;
}

function storeError(error: unknown, { name, checksum }: RemoteFile, store: FileStore): HubError {
  if (!isLackOfRoom(error)) {
    return new HubError(`Cannot store "${name}" in ${store.location}: ${reasonOf(error)}`, { cause: error });
  }
  const kept = checksum === undefined ? "" : "; what has arrived is kept, so that it goes on from there";
  return new HubError(
    `Cannot store "${name}": ${store.location} is full; make room or choose another cache folder, then try again${kept}`,
    { cause: error },
  );
}
