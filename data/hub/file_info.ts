/**
 * What the hub knows about files before they are downloaded: the commit they belong to, their sizes and checksums.
 *
 * @module
 */
import type { Checksum } from "./checksum.ts";
import { type Connection, send } from "./request.ts";
import { retry, type RetryOptions } from "./retry.ts";

/** Size and checksum of a file. */
export interface FileInfo {
  /** Bytes; undefined if the server does not say. */
  readonly size: number | undefined;
  /** What it must hash to; undefined if the server does not say. */
  readonly checksum: Checksum | undefined;
}

/** Files of a repository. */
export interface FileQuestion {
  /** Owner and name. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Paths inside the repository. */
  readonly paths: readonly string[];
}

/**
 * The commit that a branch or tag stands at.
 *
 * @throws {HubError} if the hub cannot be asked, or has no such repository or revision
 */
export async function findCommit(
  connection: Connection,
  { repository, revision }: FileQuestion,
  options: RetryOptions,
): Promise<string> {
  const { modelInfo } = await import("@huggingface/hub");
  const { sha } = await modelInfo({
    name: repository,
    revision,
    additionalFields: ["sha"],
    hubUrl: connection.endpoint,
    fetch: fetchOf(connection, `hf:${repository}@${revision}`, options),
  });
  return sha;
}

/**
 * Sizes and checksums by path. A path that the repository lacks is missing.
 *
 * @throws {HubError} if the hub cannot be asked, or has no such repository or revision
 */
export async function findFiles(
  connection: Connection,
  { repository, revision, paths }: FileQuestion,
  options: RetryOptions,
): Promise<Map<string, FileInfo>> {
  const { pathsInfo } = await import("@huggingface/hub");
  const infos = await pathsInfo({
    repo: { type: "model", name: repository },
    revision,
    paths: [...paths],
    hubUrl: connection.endpoint,
    fetch: fetchOf(connection, `hf:${repository}@${revision}`, options),
  });
  const files = infos.filter(({ type }) => type === "file");
  return new Map(files.map(({ path, size, lfs, oid }): [string, FileInfo] => [path, {
    size: lfs?.size ?? size,
    checksum: lfs !== undefined
      ? { kind: "sha256", digest: lfs.oid }
      : oid === undefined
      ? undefined
      : { kind: "git", digest: oid },
  }]));
}

/** Size of a file that is named by URL. Many servers answer no HEAD; then nothing is known. */
export async function askUrl(connection: Connection, url: URL, signal: AbortSignal | undefined): Promise<FileInfo> {
  try {
    const headers = { "accept-encoding": "identity" };
    const response = await send(connection, url, { what: url.href, method: "HEAD", headers, signal: signal ?? null });
    const length = response.headers.get("content-length");
    return { size: length === null ? undefined : Number(length), checksum: undefined };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error && error.name === "NotCapable") throw error;
    return { size: undefined, checksum: undefined };
  }
}

/** The library's way out: its requests get our token, retries and errors. It would refuse a mirror's kind of token. */
function fetchOf(connection: Connection, what: string, options: RetryOptions): typeof fetch {
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const request = { ...init, what, signal: options.signal ?? null };
    return retry(() => send(connection, url, request), options);
  };
}
