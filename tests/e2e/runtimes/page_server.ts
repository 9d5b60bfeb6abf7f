/**
 * Serves an empty page, a worker, and the files of a folder.
 *
 * @module
 */

/** A running server. */
export interface PageServer extends AsyncDisposable {
  /** The port that it listens on. */
  readonly port: number;
}

const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>MiniMind-V</title>`;

/** Does the job that it is sent with `runJob` of a module, and posts every event, then what came of it. */
const worker = `onmessage = ({ data: { module, job } }) => {
  import(module).then(({ runJob }) => runJob(job, (event) => postMessage({ event })))
    .then((outcome) => postMessage({ outcome }), (error) => postMessage({ error: String(error?.stack ?? error) }));
};
`;

const types: Readonly<Record<string, string>> = { js: "text/javascript", json: "application/json" };

/** Serves on 127.0.0.1; pages of the host `isolated` may share memory between threads. */
export function servePages(folder: URL, { isolated }: { readonly isolated: string }): PageServer {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { hostname, pathname } = new URL(request.url);
    const headers = new Headers({ "content-type": types[pathname.split(".").at(-1)!] ?? "application/octet-stream" });
    if (hostname === isolated) {
      headers.set("cross-origin-opener-policy", "same-origin");
      headers.set("cross-origin-embedder-policy", "require-corp");
    }
    if (pathname === "/worker.js") return new Response(worker, { headers });
    if (pathname === "/") {
      headers.set("content-type", "text/html");
      return new Response(page, { headers });
    }
    const file = await Deno.readFile(new URL(`.${pathname}`, folder)).catch(() => undefined);
    return new Response(file ?? null, { headers, status: file === undefined ? 404 : 200 });
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}
