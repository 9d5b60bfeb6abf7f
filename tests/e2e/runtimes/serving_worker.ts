/**
 * Servers in a worker, so that whoever talks to them is not held up by what they compute: one with two models and
 * without keys, one with a key, mounted at `/ai` in another app, and one that gives its model away. Posts their ports.
 *
 * @module
 */
import { Hono } from "hono";
import { createServer } from "../../../serve/mod.ts";
import { loadModel } from "../../../sdk/load_model.ts";
import { loadTiny } from "../../unit/serving.ts";

/** Where the servers listen. */
export interface ServingPorts {
  /** Models `random`, whose context is 512 tokens, and `long`, 4096. */
  readonly open: number;
  /** The model `random` for the key `open-sesame`. */
  readonly guarded: number;
  /** The model `demo`, whose files it shares, for the key `open-sesame`. */
  readonly sharing: number;
}

const [random, long] = await Promise.all([loadTiny(), loadTiny({}, 4096)]);
const open = createServer();
await open.put(random, "random");
await open.put(long, "long");
const guarded = createServer({ apiKeys: ["open-sesame"] });
await guarded.put(random, "random");
const sharing = createServer({ apiKeys: ["open-sesame"], shareFiles: true });
await sharing.put(await loadModel({ model: "demo", backend: { use: "wasm", options: { threads: 1 } } }));
const outer = new Hono().route("/ai", guarded.app);
const [first, second, third] = [open.fetch, outer.fetch, sharing.fetch].map((fetch) =>
  Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => fetch(request)).addr.port
);
const ports: ServingPorts = { open: first!, guarded: second!, sharing: third! };
(globalThis as unknown as { postMessage(message: ServingPorts): void }).postMessage(ports);
