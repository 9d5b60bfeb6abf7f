/**
 * Where things lie in the cache. Repositories lie as the hub's own clients keep them, so a folder may be shared with
 * those: `models--owner--name/snapshots/<commit>/<path>` and `refs/<revision>`, which holds a commit.
 *
 * @module
 */
import { toHex } from "./checksum.ts";

/** A file of a repository at a commit. */
export interface SnapshotFile {
  /** Owner and name. */
  readonly repository: string;
  /** Commit in hexadecimal. */
  readonly commit: string;
  /** Path inside the repository. */
  readonly path: string;
}

/** Folder of files that were named by URL. */
export const urlFolder = "urls";

const front = "models--";

/** Folder of a repository. */
export function repositoryFolder(repository: string): string {
  return front + repository.replace("/", "--");
}

/** The repository of a folder; undefined if it is none's. */
export function repositoryOf(folder: string): string | undefined {
  const parts = folder.startsWith(front) ? folder.slice(front.length).split("--") : [];
  return parts.length === 2 ? parts.join("/") : undefined;
}

/** Where a whole file lies. */
export function snapshotPath({ repository, commit, path }: SnapshotFile): string {
  return `${repositoryFolder(repository)}/snapshots/${commit}/${path}`;
}

/** Where it is noted that the repository has no such file. */
export function absentPath({ repository, commit, path }: SnapshotFile): string {
  return `${repositoryFolder(repository)}/.no_exist/${commit}/${path}`;
}

/** Where the commit of a branch or tag is noted. */
export function refPath(repository: string, revision: string): string {
  return `${repositoryFolder(repository)}/refs/${encodeURIComponent(revision)}`;
}

/** Where a file of a URL lies: below the URL itself, of which a long one is cut and told apart by its hash. */
export async function urlPath(url: URL): Promise<string> {
  const encoded = encodeURIComponent(url.href).replaceAll("*", "%2A");
  const name = url.pathname.split("/").at(-1)!.replace(/[^\w.-]/g, "_") || "index";
  if (encoded.length <= 150) return `${urlFolder}/${encoded}/${name.slice(-80)}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url.href));
  const hash = toHex(digest).slice(0, 16);
  return `${urlFolder}/${encoded.slice(0, 120).replace(/%.?$/, "")}~${hash}/${name.slice(-80)}`;
}

/** Folder of the unfinished downloads of a file, beside the place where it will lie. */
export function partialFolder(path: string): string {
  const [top, ...rest] = path.split("/");
  return `${top}/partial/${rest.join("/")}`;
}
