/**
 * A model in a worker of a page, behind the API that a server has: the page calls it by messages instead of over the
 * network, and everything else is the same. `deno task page` bundles this for the server's page.
 *
 * @module
 */
import { createApi } from "../serve/api.ts";
import { loadModel } from "./load_model.ts";
import type { PageMessage, WorkerMessage } from "./page_messages.ts";
import { remoteFolder } from "./remote_folder.ts";

/** The worker's own thread, as far as it is used. */
interface Scope {
  onmessage: ((event: { readonly data: PageMessage }) => void) | null;
  postMessage(message: WorkerMessage): void;
}

const scope = globalThis as unknown as Scope;
const api = createApi({});
const calls = new Map<number, AbortController>();

scope.onmessage = ({ data }) => {
  if (data.type === "load") load(data);
  else if (data.type === "fetch") call(data);
  else calls.get(data.id)?.abort();
};

async function load({ place, workerScript }: PageMessage & { type: "load" }): Promise<void> {
  try {
    const { folder, config } = await remoteFolder(place, (loaded, total) => {
      scope.postMessage({ type: "progress", loaded, total });
    });
    const backend = { use: "auto", options: { workerScript } };
    const model = await loadModel({ ...config, backend }, { folder });
    await api.put(model, place.model);
    const { name, capabilities: { threads } } = model.parts.backend;
    scope.postMessage({ type: "ready", backend: name, threads });
  } catch (error) {
    scope.postMessage({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

async function call({ id, path, init }: PageMessage & { type: "fetch" }): Promise<void> {
  const controller = new AbortController();
  calls.set(id, controller);
  const { signal } = controller;
  const response = await api.fetch(new Request(new URL(path, "http://localhost/"), { ...init, signal }));
  scope.postMessage({ type: "head", id, status: response.status });
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined && !signal.aborted) {
      const { done, value: bytes } = await reader.read();
      if (done) break;
      scope.postMessage({ type: "piece", id, bytes });
    }
  } finally {
    await reader?.cancel();
    calls.delete(id);
    scope.postMessage({ type: "end", id });
  }
}
