/**
 * Models where upstream's scripts leave them: `out/sft_vlm_512.pth`, with tokenizer and encoder in `model/`.
 *
 * Names: jingyaogong/minimind-v, `eval_vlm.py`.
 *
 * @module
 */
import { partOf } from "../core/config.ts";
import { findPreset } from "../models/mod.ts";
import type { FlagValues } from "./flags.ts";
import type { modelFlags } from "./model_flags.ts";

/** Flags by which upstream names a checkpoint, for `parseFlags`. */
export const upstreamFlags = {
  weight: {
    type: "string",
    value: "WEIGHT",
    summary: "As upstream: takes SAVE_DIR/WEIGHT_WIDTH.pth, and tokenizer and encoder out of the folder MODEL",
  },
  "save-dir": { type: "string", value: "SAVE_DIR", summary: "Folder of that file (default out)" },
  "hidden-size": { type: "number", value: "WIDTH", summary: "Its width (default the one there is)" },
  "use-moe": { type: "switch", summary: "Its mixture of experts, WEIGHT_WIDTH_moe.pth" },
} as const;

/** Flags that say where upstream's files are, and which parts of a model go before them. */
export type UpstreamModelValues = FlagValues<typeof upstreamFlags> & FlagValues<typeof modelFlags>;

/** A command's arguments as far as they name a model. */
export interface ModelArguments<V> {
  /** Its flags. */
  readonly values: V;
  /** The model among its arguments, if any. */
  readonly positional: readonly string[];
}

/**
 * The arguments with upstream's flags turned into others: the checkpoint becomes the model, and what lies in the folder
 * that was the model its tokenizer and encoder. What other flags say goes before.
 *
 * @throws {TypeError} if there is no such file, or more than one
 */
export async function withUpstreamFiles<V extends UpstreamModelValues>(
  given: ModelArguments<V>,
): Promise<ModelArguments<V>> {
  const { values, positional } = given;
  const { weight, "save-dir": saveDir, "hidden-size": width } = values;
  if (weight === undefined && saveDir === undefined && width === undefined && !values["use-moe"]) return given;
  const folder = positional[0] ?? values.model;
  const found = folder === undefined ? {} : await partsIn(folder);
  const model = await findWeights({
    folder: saveDir ?? "out",
    weight: weight ?? "sft_vlm",
    width,
    moe: values["use-moe"],
  });
  const { tokenizer = found.tokenizer, encoder = found.encoder } = values;
  return { values: { ...values, model, tokenizer, encoder }, positional: positional.slice(1) };
}

/** What a file's name has to say. */
interface WeightName {
  readonly folder: string;
  readonly weight: string;
  readonly width: number | undefined;
  readonly moe: boolean;
}

async function findWeights({ folder, weight, width, moe }: WeightName): Promise<string> {
  const all = (await entries(folder)).filter(({ isFile }) => isFile).map(({ name }) => name);
  const fitting = all.filter((name) => {
    const [, start, size, experts] = /^(.+)_(\d+)(_moe)?\.pth$/.exec(name) ?? [];
    return start === weight && (width === undefined || Number(size) === width) && (experts !== undefined) === moe;
  });
  const wanted = `${weight}_${width ?? "WIDTH"}${moe ? "_moe" : ""}.pth`;
  const [first] = fitting;
  if (first === undefined) {
    const others = all.filter((name) => name.endsWith(".pth")).sort();
    const hint = others.length === 0 ? "it has no .pth" : `it has ${others.join(", ")}`;
    throw new TypeError(`Cannot find "${wanted}" in the folder "${folder}": ${hint}`);
  }
  if (fitting.length === 1) return `${folder}/${first}`;
  throw new TypeError(`Cannot choose among ${fitting.sort().join(", ")}: say which with --hidden-size`);
}

/** Tokenizer and encoder in a folder, as values of their flags. */
async function partsIn(folder: string): Promise<{ tokenizer?: string; encoder?: string }> {
  const names = (await entries(folder)).map(({ name }) => name);
  const tokenizer = names.includes("tokenizer.json") ? { tokenizer: folder } : {};
  for (const parent of [folder, `${folder}/vision_model`]) {
    for (const { name, isFile } of await entries(parent, { optional: true })) {
      const use = isFile ? undefined : /siglip/i.test(name) ? "siglip" : /clip/i.test(name) ? "clip" : undefined;
      if (use !== undefined) return { ...tokenizer, encoder: await describeEncoder(`${parent}/${name}`, use) };
    }
  }
  return tokenizer;
}

async function describeEncoder(folder: string, use: string): Promise<string> {
  const names = (await entries(folder)).map(({ name }) => name);
  const weights = ["model.safetensors", "pytorch_model.bin"].find((name) => names.includes(name));
  if (weights === undefined) throw new TypeError(`Cannot use the encoder in "${folder}": its weights are missing`);
  const options = names.includes("config.json")
    ? JSON.parse(await Deno.readTextFile(`${folder}/config.json`))
    : partOf(findPreset(use === "clip" ? "minimind2-v" : "minimind-3v").config.encoder!).options;
  return JSON.stringify({ use, options, weights: `${folder}/${weights}` });
}

async function entries(folder: string, { optional = false } = {}): Promise<{ name: string; isFile: boolean }[]> {
  try {
    const all = await Array.fromAsync(Deno.readDir(folder));
    // A link counts as what it leads to, and most lead to files.
    return all.map(({ name, isDirectory }) => ({ name, isFile: !isDirectory })).sort((a, b) =>
      a.name < b.name ? -1 : 1
    );
  } catch (cause) {
    if (optional) return [];
    const reason = cause instanceof Deno.errors.NotFound ? "there is no such folder" : String(cause);
    throw new TypeError(`Cannot read "${folder}": ${reason}`, { cause });
  }
}
