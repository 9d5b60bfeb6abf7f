/**
 * From names to files: which are in the cache, and what has to be fetched from where.
 *
 * @module
 */
import type { RemoteFile } from "./download_file.ts";
import { askUrl, type FileInfo, findCommit, findFiles } from "./file_info.ts";
import type { FileStore } from "./file_store.ts";
import { HubError } from "./hub_error.ts";
import { formatHubName, type HubName, isCommit, parseHubName } from "./hub_name.ts";
import { absentPath, refPath, snapshotPath, urlPath } from "./layout.ts";
import type { Connection } from "./request.ts";
import type { RetryOptions } from "./retry.ts";

/** A file that is wanted. */
export interface WantedFile {
  /** `hf:owner/repository[@revision]/path`, or a URL. */
  readonly name: string;
  /** Bytes it must have, where they are known beforehand. */
  readonly size?: number | undefined;
  /** Its SHA-256 in lower-case hexadecimal, where it is known beforehand. */
  readonly sha256?: string | undefined;
  /** Whether it may be missing from its repository. Default false. */
  readonly optional?: boolean | undefined;
}

/** Options of {@link planFiles}. */
export interface PlanOptions extends RetryOptions {
  /** The cache. */
  readonly store: FileStore;
  /** Whether to use the cache alone. */
  readonly offline: boolean;
  /** Whether to ask where branches and tags stand now, even if the cache knows where they stood. */
  readonly refresh: boolean;
}

/** What {@link planFiles} finds. */
export interface FilePlan {
  /** Path in the store by name, of every wanted file that exists. */
  readonly paths: ReadonlyMap<string, string>;
  /** Files that the cache lacks. */
  readonly missing: readonly RemoteFile[];
}

interface Located extends WantedFile {
  readonly url: URL;
  readonly path: string;
}

interface LocatedHubFile extends Located {
  readonly hub: HubName;
  readonly commit: string;
}

/**
 * Finds wanted files in the cache, and asks about the others.
 *
 * @throws {HubError} if a file does not exist, or is missing and there is no network to be used
 */
export async function planFiles(
  connection: Connection,
  wanted: readonly WantedFile[],
  options: PlanOptions,
): Promise<FilePlan> {
  const { store, offline, signal } = options;
  const commits = new Map<string, string>();
  const paths = new Map<string, string>();
  const missing: RemoteFile[] = [];
  const unknown: LocatedHubFile[] = [];
  for (const file of wanted) {
    if (!file.name.startsWith("hf:")) {
      const url = new URL(file.name);
      const path = await urlPath(url);
      paths.set(file.name, path);
      if (await isCached(store, path, file.size)) continue;
      if (offline) throw isOffline(file.name, store, path);
      const info = file.size === undefined ? await askUrl(connection, url, signal) : undefined;
      missing.push(remote({ ...file, url, path }, info));
      continue;
    }
    const hub = parseHubName(file.name);
    if (hub.path === "") throw new HubError(`Cannot download "${file.name}": it names no file of the repository`);
    const commit = await commitOf(connection, hub, { ...options, commits });
    const path = snapshotPath({ ...hub, commit });
    if (await isCached(store, path, file.size)) paths.set(file.name, path);
    else if (file.optional && await store.stat(absentPath({ ...hub, commit })) !== undefined) continue;
    else if (offline) {
      if (!file.optional) throw isOffline(file.name, store, path);
    } else {
      paths.set(file.name, path);
      const located = { ...file, hub, commit, path, url: resolveUrl(connection, hub, commit) };
      if (file.size !== undefined && file.sha256 !== undefined && isCommit(hub.revision)) missing.push(remote(located));
      else unknown.push(located);
    }
  }
  missing.push(...await inform(connection, unknown, { ...options, paths }));
  return { paths, missing };
}

/** A commit that never changes, or the one the branch or tag stood at when it was first asked for. */
async function commitOf(
  connection: Connection,
  { repository, revision }: HubName,
  { commits, ...options }: PlanOptions & { readonly commits: Map<string, string> },
): Promise<string> {
  if (isCommit(revision)) return revision;
  const { store, offline, refresh } = options;
  const note = refPath(repository, revision);
  const known = commits.get(note);
  if (known !== undefined) return known;
  const noted = await store.stat(note) !== undefined ? new TextDecoder().decode(await store.read(note)).trim() : "";
  if (noted !== "" && (offline || !refresh)) return noted;
  // Offline nothing lies under a commit of no name, so every file of it is reported missing.
  if (offline) return revision;
  const commit = await findCommit(connection, { repository, revision, paths: [] }, options);
  await writeText(store, note, commit);
  commits.set(note, commit);
  return commit;
}

/** Asks each repository once about the files of which too little is known. */
async function inform(
  connection: Connection,
  files: readonly LocatedHubFile[],
  { paths, ...options }: PlanOptions & { readonly paths: Map<string, string> },
): Promise<RemoteFile[]> {
  const found: RemoteFile[] = [];
  const groups = new Map<string, LocatedHubFile[]>();
  for (const file of files) {
    const key = `${file.hub.repository}@${file.commit}`;
    groups.set(key, [...groups.get(key) ?? [], file]);
  }
  for (const group of groups.values()) {
    const { hub: { repository }, commit } = group[0]!;
    const question = { repository, revision: commit, paths: group.map(({ hub }) => hub.path) };
    const infos = await findFiles(connection, question, options);
    for (const file of group) {
      const info = infos.get(file.hub.path);
      if (info !== undefined) found.push(remote(file, info));
      else if (file.optional) {
        paths.delete(file.name);
        await writeText(options.store, absentPath({ ...file.hub, commit }), "");
      } else {
        const where = formatHubName({ ...file.hub, path: "" });
        throw new HubError(`Cannot download "${file.name}": ${where} has no such file; check the path`);
      }
    }
  }
  return found;
}

function remote({ name, url, path, size, sha256 }: Located, info?: FileInfo): RemoteFile {
  if (size !== undefined && info?.size !== undefined && info.size !== size) {
    throw new HubError(`Cannot accept "${name}": ${url.host} has one of ${info.size} bytes, expected ${size}`);
  }
  const checksum = sha256 === undefined ? info?.checksum : { kind: "sha256", digest: sha256 } as const;
  return { name, url, path, size: size ?? info?.size, checksum };
}

async function isCached(store: FileStore, path: string, size: number | undefined): Promise<boolean> {
  const stat = await store.stat(path);
  return stat !== undefined && (size === undefined || stat.size === size);
}

function resolveUrl({ endpoint }: Connection, { repository, path }: HubName, commit: string): URL {
  return new URL(`${endpoint}/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`);
}

function isOffline(name: string, store: FileStore, path: string): HubError {
  return new HubError(
    `Cannot find "${name}" offline: it is not in the cache ${store.location}; run once without --offline, ` +
      `or put the file at ${store.locate(path)}`,
  );
}

/** Writes a small file in one step, so that no other process reads half of it. */
async function writeText(store: FileStore, path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  const writer = await store.append(temporary, 0);
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  await store.rename(temporary, path);
}
