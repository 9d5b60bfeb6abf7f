/**
 * A model at the edge: on a runtime of the Web's standards, without threads, without a disk, without an environment.
 *
 * `deno serve examples/edge/main.ts`, Deno Deploy and Bun take the default export as it is; README.md says how Node does.
 *
 * @module
 */
import { loadModel } from "../../mod.ts";
import { createServer } from "../../serve/mod.ts";

const server = createServer({ maxQueue: 8, maxImages: 2, timeoutMs: 60_000 });

// One thread, for others may be forbidden here; and no working directory that names could start from.
const config = { model: "demo", context: 1024, backend: { use: "wasm", options: { threads: 1 } } } as const;
const loaded: Promise<unknown> = loadModel(config, { base: new URL("file:///"), conversations: 2 })
  .then((model) => server.put(model));

/** Answers requests, the first ones once the model is there; an error of loading is theirs. */
export const edge: { fetch(request: Request): Promise<Response> } = {
  async fetch(request) {
    await loaded;
    return await server.fetch(request);
  },
};

export default edge;
