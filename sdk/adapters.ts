/**
 * Which LoRA adapters a model's name stands for.
 *
 * @module
 */
import { adaptersOf, type LoraConfig, parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import { isRemoteName } from "../data/hub/hub_name.ts";
import { asFolder, type Files, resolveName } from "./files.ts";

/** The document of a folder with an adapter: a config of its base, `model`, and of the adapter itself, `lora`. */
export const adapterDocument = "adapter.json";

/** A model and the adapters that go with it. */
export interface AdaptedModel {
  /** A released model's name, or where the model is. */
  readonly model: string;
  /** The adapters; none for a model of its own. */
  readonly lora: readonly LoraConfig[];
}

/**
 * The model and the adapters that a name stands for. The folder of an adapter stands for its base, which may be such a
 * folder itself; every other name for itself.
 *
 * @throws {ConfigError} naming what is wrong with a folder's document
 */
export async function findAdapters(name: string, files: Files): Promise<AdaptedModel> {
  const seen = new Set<string>();
  let found: AdaptedModel = { model: name, lora: [] };
  while (await files.isFolder(found.model) && (await files.folder(found.model).list()).includes(adapterDocument)) {
    const { href } = asFolder(files.resolve(found.model));
    if (seen.has(href)) throw new ConfigError(`Cannot find model "${name}": "${found.model}" is its own base`);
    seen.add(href);
    const { model, lora } = await readDocument(found.model, files);
    found = { model, lora: [...lora, ...found.lora] };
  }
  return found;
}

/** Reads the document of an adapter's folder. Paths in it start from the folder. */
async function readDocument(folder: string, files: Files): Promise<AdaptedModel> {
  const url = asFolder(files.resolve(folder));
  const fail = (problem: string, cause?: unknown) =>
    new ConfigError(`Cannot read "${adapterDocument}" of "${folder}": ${problem}`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await files.folder(folder).read(adapterDocument)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw fail("it is not JSON", cause);
  }
  const { model, lora, ...rest } = parseConfig(json, adapterDocument);
  if (model === undefined || lora === undefined || Object.keys(rest).length > 0) {
    throw fail("it must have model and lora, and nothing else");
  }
  const place = (name: string) => isRemoteName(name) ? name : resolveName(name, url).href;
  return {
    model: /^(\.{0,2}[\\/]|[a-z]:\\)/i.test(model) ? place(model) : model,
    lora: adaptersOf({ lora }).map(({ file, scale }) => ({ file: place(file), scale })),
  };
}
