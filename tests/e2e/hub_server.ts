/**
 * A server that plays the hub, and one that plays the host to which the hub redirects for content.
 *
 * @module
 */

/** Commit of everything here. */
export const commit = "0123456789abcdef0123456789abcdef01234567";

/** A request that was made. */
export interface Seen {
  /** Which server got it. */
  readonly host: "hub" | "cdn";
  /** Method and path. */
  readonly line: string;
  /** Its headers. */
  readonly headers: Headers;
}

/** Answers a request in place of the server; undefined leaves it to the server. */
export type Interference = (seen: Seen, earlier: readonly Seen[]) => Response | Promise<Response> | undefined;

/** A hub with files named `owner/repository/path`. */
export class HubServer implements AsyncDisposable {
  /** Every request so far. */
  readonly seen: Seen[] = [];
  /** Bytes by name. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Asked before anything is answered. */
  interfere: Interference = () => undefined;
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #cdn: Deno.HttpServer<Deno.NetAddr>;

  /** Starts both servers. */
  constructor(files: Record<string, Uint8Array<ArrayBuffer>>) {
    this.files = new Map(Object.entries(files));
    const serve = (host: Seen["host"], answer: (request: Request, path: string) => Promise<Response> | Response) =>
      Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
        const path = decodeURIComponent(new URL(request.url).pathname);
        const seen: Seen = { host, line: `${request.method} ${path}`, headers: request.headers };
        const earlier = this.seen.slice();
        this.seen.push(seen);
        return this.interfere(seen, earlier) ?? answer(request, path);
      });
    this.#hub = serve("hub", (request, path) => this.#answer(request, path));
    this.#cdn = serve("cdn", (request, path) => sendFile(request, this.files.get(path.slice(1))));
  }

  /** Address of the hub. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Address of the other host. */
  get cdn(): string {
    return `http://127.0.0.1:${this.#cdn.addr.port}`;
  }

  /** Requests for content that carried a `range`, and the range. */
  get ranges(): (string | null)[] {
    return this.seen.filter(({ host, line }) => host === "cdn" && line.startsWith("GET"))
      .map(({ headers }) => headers.get("range"));
  }

  /** Stops both servers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#hub.shutdown(), this.#cdn.shutdown()]);
  }

  async #answer(request: Request, path: string): Promise<Response> {
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|paths-info)\/([^/]+)$/.exec(path);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const [, repository = ""] = api ?? resolve ?? [];
    const has = [...this.files.keys()].some((name) => name.startsWith(`${repository}/`));
    // The real one tells nobody without a token whether a private repository exists.
    if (!has) return refuse(request.headers.has("authorization") ? 404 : 401, "RepoNotFound");
    if (![commit, "main"].includes(api?.[3] ?? resolve?.[2] ?? "")) return refuse(404, "RevisionNotFound");
    if (api?.[2] === "revision") return Response.json({ _id: "1", id: repository, sha: commit });
    if (api?.[2] === "paths-info") {
      const { paths } = await request.json() as { paths: string[] };
      const infos = await Promise.all(
        paths.map((wanted) => describe(wanted, this.files.get(`${repository}/${wanted}`))),
      );
      return Response.json(infos.filter((info) => info !== undefined));
    }
    const name = `${repository}/${resolve?.[3]}`;
    return this.files.has(name) ? Response.redirect(`${this.cdn}/${name}`, 302) : refuse(404, "EntryNotFound");
  }
}

/** Bytes that look like nothing else. */
export function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) & 255);
}

/** A refusal with the header in which the hub says why. */
export function refuse(status: number, code: string): Response {
  return Response.json({ error: code }, { status, headers: { "x-error-code": code } });
}

/** Sends a file, or the part that is asked for. */
export function sendFile(request: Pick<Request, "headers">, bytes: Uint8Array<ArrayBuffer> | undefined): Response {
  if (bytes === undefined) return new Response(null, { status: 404 });
  const etag = `"${bytes.length}-${bytes[0]}"`;
  const ifRange = request.headers.get("if-range");
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (start >= bytes.length && start > 0) return new Response(null, { status: 416 });
  if (start === 0 || (ifRange !== null && ifRange !== etag)) return new Response(bytes, { headers: { etag } });
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  return new Response(bytes.subarray(start), { status: 206, headers: { etag, "content-range": range } });
}

/** Promises a whole file, sends only `after` bytes of it, waits for `until` if there is such, and ends the connection. */
export async function cutFile(
  request: Pick<Request, "headers">,
  bytes: Uint8Array<ArrayBuffer>,
  { after, until }: { after: number; until?: Promise<void> },
): Promise<Response> {
  const whole = sendFile(request, bytes);
  const content = await whole.bytes();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(content.subarray(0, after));
      await until;
      controller.close();
    },
  });
  const headers = new Headers(whole.headers);
  headers.set("content-length", String(content.length));
  return new Response(body, { status: whole.status, headers });
}

async function describe(path: string, bytes: Uint8Array<ArrayBuffer> | undefined): Promise<unknown> {
  if (bytes === undefined) return undefined;
  const info = { type: "file", path, size: bytes.length };
  if (!path.endsWith(".json")) {
    return { ...info, lfs: { oid: hex(await crypto.subtle.digest("SHA-256", bytes)), size: bytes.length } };
  }
  const blob = new Uint8Array([...new TextEncoder().encode(`blob ${bytes.length}\0`), ...bytes]);
  return { ...info, oid: hex(await crypto.subtle.digest("SHA-1", blob)) };
}

function hex(digest: ArrayBuffer): string {
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
