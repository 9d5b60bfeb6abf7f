/**
 * Names of remote files: `hf:owner/repository[@revision]/path`, or a URL.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";

/** A file of a model repository, or with an empty path the repository. */
export interface HubName {
  /** Owner and name, such as `openai/clip-vit-base-patch16`. */
  readonly repository: string;
  /** Branch, tag or commit. Default `main`. */
  readonly revision: string;
  /** Path inside the repository with forward slashes; empty for the repository itself. */
  readonly path: string;
}

const pattern = /^hf:([\w][\w.-]*\/[\w][\w.-]*)(?:@([\w.%-]+))?(?:\/(.*))?$/;

/** Whether a name in a config is of a remote file: `hf:…`, `https://…` or `http://…`. */
export function isRemoteName(name: string): boolean {
  return /^(hf:|https?:\/\/)/.test(name);
}

/** Whether a revision is a commit, which never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * Reads `hf:owner/repository[@revision][/path]`. A slash in a revision is written `%2F`.
 *
 * @throws {ConfigError} if it is none, or its path leaves the repository
 */
export function parseHubName(name: string): HubName {
  const [, repository, revision = "main", path = ""] = pattern.exec(name) ?? [];
  if (repository === undefined) {
    throw new ConfigError(`Cannot read "${name}": a file of the hub is named hf:OWNER/REPOSITORY[@REVISION]/PATH`);
  }
  // Windows reads a backslash as a separator and a colon as a stream.
  const strange = path.split("/").find((part) => /^\.{0,2}$|[\\:*?"<>|]/.test(part) || hasControl(part));
  if (path !== "" && strange !== undefined) {
    throw new ConfigError(`Cannot read "${name}": "${strange}" cannot be part of a path in a repository`);
  }
  return { repository, revision: decode(revision, name), path };
}

/** Writes a name; the revision only where it is not `main`. */
export function formatHubName({ repository, revision, path }: HubName): string {
  const at = revision === "main" ? "" : `@${encodeURIComponent(revision)}`;
  return `hf:${repository}${at}${path === "" ? "" : `/${path}`}`;
}

function decode(revision: string, name: string): string {
  try {
    return decodeURIComponent(revision);
  } catch (cause) {
    throw new ConfigError(`Cannot read "${name}": "${revision}" is no revision`, { cause });
  }
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < " ");
}
