/**
 * One HTTP request to the hub or to where it sends us, and what its failures mean.
 *
 * @module
 */
import { HubError, reasonOf, TransientError } from "./hub_error.ts";

/** The hub, and how to reach it. */
export interface Connection {
  /** Address of the hub or of a mirror, without a slash at the end. */
  readonly endpoint: string;
  /** Access token, sent to the hub alone. */
  readonly token: string | undefined;
  /** Sends the requests. */
  readonly fetch: typeof fetch;
}

/** A request. */
export interface HubRequest extends RequestInit {
  /** What it is for, in messages: the name of a file or repository. */
  readonly what: string;
}

const passing = [408, 425, 429, 500, 502, 503, 504];

/**
 * Sends a request and resolves to a response of success; redirects are followed.
 *
 * The token goes to the hub's own origin only: `fetch` drops it when a redirect leaves that origin.
 *
 * @throws {TransientError} if the server cannot be reached, or says to try later
 * @throws {HubError} if it refuses, saying what to do
 */
export async function send(connection: Connection, url: URL, { what, ...init }: HubRequest): Promise<Response> {
  const toHub = url.origin === new URL(connection.endpoint).origin;
  const headers = new Headers(init.headers);
  if (toHub && connection.token !== undefined) headers.set("authorization", `Bearer ${connection.token}`);
  let response: Response;
  try {
    response = await connection.fetch(url, { ...init, headers });
  } catch (cause) {
    // Only `fetch` itself says that the network failed; a lacking permission or an abort is not worth repeating.
    if (!(cause instanceof TypeError)) throw cause;
    const hint = toHub ? "; check the connection, or set HF_ENDPOINT to a mirror" : "";
    throw new TransientError(`Cannot reach "${url.host}" for "${what}": ${reasonOf(cause)}${hint}`, { cause });
  }
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  const movedOn = response.url !== "" && new URL(response.url).origin !== url.origin;
  const status = `${response.status} from ${new URL(response.url || url).host}`;
  if (passing.includes(response.status) || (movedOn && response.status === 403)) {
    // A 403 behind a redirect is a signed address that has run out; the next attempt asks the hub for another one.
    throw new TransientError(`Cannot download "${what}": ${status}; try again later`, {
      retryAfter: retryAfter(response),
    });
  }
  const advice = toHub ? hubAdvice(connection, response) : "";
  throw new HubError(`Cannot download "${what}": ${status}${advice && `; ${advice}`}`);
}

/** What to do about a refusal. */
function hubAdvice({ endpoint, token }: Connection, response: Response): string {
  const code = response.headers.get("x-error-code");
  const mirror = endpoint === "https://huggingface.co" ? "" : `, and whether the mirror ${endpoint} has it`;
  if (code === "GatedRepo") {
    return `accept the terms of the repository on ${endpoint}, then set HF_TOKEN to a token of that account`;
  }
  switch (response.status) {
    case 401:
      return token === undefined
        ? `the repository is private or does not exist: check the name${mirror}, or set HF_TOKEN to a token that may read it`
        : `the token in HF_TOKEN is not valid, or the repository does not exist: check both${mirror}`;
    case 403:
      return token === undefined
        ? "set HF_TOKEN to a token that may read the repository"
        : "the token in HF_TOKEN may not read the repository";
    case 404:
      if (code === "RevisionNotFound") return "the repository has no such revision: check what follows the @";
      if (code === "EntryNotFound") return `the repository has no such file: check the path${mirror}`;
      return `there is no such repository, revision or file: check the name${mirror}`;
    default:
      return "";
  }
}

/** Milliseconds of a `retry-after` header, which holds seconds or a date. */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get("retry-after");
  if (value === null) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
