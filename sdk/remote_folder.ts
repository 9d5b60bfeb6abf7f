/**
 * The folder of a model that a server gives away, as `serve/routes/files.ts` does.
 *
 * @module
 */
import type { ModelConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { FolderFiles } from "../data/model_folder.ts";
import type { ModelPlace } from "./page_messages.ts";

/** A model's folder, and what its server loaded it with. */
export interface RemoteFolder {
  /** The files, each fetched when it is read. */
  readonly folder: FolderFiles;
  /** Context and sampling. */
  readonly config: ModelConfig;
}

/**
 * Finds the folder. `onProgress` is told the bytes of the file under way that have come, and how many there are.
 *
 * @throws {ConfigError} with the server's words if it does not give the model away
 */
export async function remoteFolder(
  { base, model, key }: ModelPlace,
  onProgress: (loaded: number, total: number) => void = () => {},
): Promise<RemoteFolder> {
  const get = async (path: string) => {
    const url = new URL(`model-files${path}?model=${encodeURIComponent(model)}`, base);
    const response = await fetch(url, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
    if (response.ok) return response;
    const { error } = await response.json();
    throw new ConfigError(error.message);
  };
  const { files, context, generation } = await (await get("")).json();
  const folder = {
    name: model,
    list: () => Promise.resolve(files),
    read: async (name: string) => await readAll(await get(`/${encodeURIComponent(name)}`), onProgress),
  };
  return { folder, config: { context, generation } };
}

async function readAll(response: Response, onProgress: (loaded: number, total: number) => void): Promise<Uint8Array> {
  const total = Number(response.headers.get("content-length"));
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = response.body?.getReader(); // not every browser iterates over a stream
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    pieces.push(next.value);
    loaded += next.value.length;
    onProgress(loaded, total);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
