/**
 * A page to chat with the models: `GET /`, and its files under `/page/`. They are embedded; nothing is read.
 *
 * @module
 */
import { etag } from "hono/etag";
import { decodeBase64 } from "../../core/base64.ts";
import { ApiError } from "../api_error.ts";
import type { App } from "../hono.ts";
import { files } from "./files.generated.ts";

const types: Readonly<Record<string, string>> = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
  svg: "image/svg+xml",
};

/** The page loads its own files alone, calls its own server alone, and never takes text for markup or code. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types engine", // makes the engine's address, and nothing else
].join("; ");

/** The engine compiles its kernels, fetches a model, and starts threads. */
const workerPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
].join("; ");

/** Scripts of workers. */
const workers = ["engine.js", "thread.js"];

/** Adds the routes. They need no key: the page asks for one when the server does. */
export function addPageRoutes(app: App): void {
  app.use("/page/*", etag());
  app.get("/", ({ req }) => fileResponse("index.html", (text) => withBase(text, new URL(req.url).pathname)));
  app.get("/page/engine.js", ({ req }) => engineResponse(req.header("accept-encoding") ?? ""));
  app.get("/page/:name", ({ req }) => fileResponse(req.param("name")));
}

function fileResponse(name: string, change = (text: string) => text): Response {
  const text = Object.hasOwn(files, name) ? files[name] : undefined;
  if (text === undefined) throw new ApiError(`Cannot GET "${name}": the page has no such file`, { status: 404 });
  return new Response(change(text), { headers: headersOf(name) });
}

/** The engine is as large as a photo, so it is loaded for the first one who asks, and sent as it is kept: packed. */
async function engineResponse(accepted: string): Promise<Response> {
  const { engine } = await import("./engine.generated.ts");
  const packed = new Response(decodeBase64(engine));
  const headers = { ...headersOf("engine.js"), vary: "accept-encoding" };
  if (/\bgzip\b/.test(accepted)) {
    return new Response(packed.body, { headers: { ...headers, "content-encoding": "gzip" } });
  }
  return new Response(packed.body!.pipeThrough(new DecompressionStream("gzip")), { headers });
}

function headersOf(name: string): Record<string, string> {
  return {
    "content-type": `${types[name.slice(name.lastIndexOf(".") + 1)]}; charset=utf-8`,
    "content-security-policy": workers.includes(name) ? workerPolicy : policy,
    "cache-control": "no-cache", // asked for anew after each update, and answered with 304 else
    // Threads share memory, which browsers allow to pages that are by themselves.
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}

/** Addresses in the page are relative, so that any prefix will do; under `/ai` they begin with `ai/`. */
function withBase(text: string, path: string): string {
  const last = path.slice(path.lastIndexOf("/") + 1).replace(/[&<>"']/g, encodeURIComponent);
  return last === "" ? text : text.replace('<base href="./">', () => `<base href="./${last}/">`);
}
