/**
 * `minimind inspect`: what a checkpoint, a model folder or a released model is.
 *
 * @module
 */
import { openCheckpoint } from "../data/checkpoint.ts";
import { type ModelFolder, openModelFolder } from "../data/model_folder.ts";
import { parseShardIndex } from "../data/shard_index.ts";
import { findPreset } from "../models/mod.ts";
import { type Files, openFiles, resolveName } from "../sdk/files.ts";
import { shortName } from "../sdk/model_source.ts";
import type { Command } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { inspectCheckpoint } from "./inspect/contents.ts";
import { contentsText, presetText } from "./inspect/report.ts";
import { folderUrl } from "./model_flags.ts";
import { stdout } from "./terminal.ts";

const flags = {
  tensors: { type: "boolean", summary: "Lists every tensor: name, element type, shape" },
  weights: { type: "string", value: "FILE", summary: "The checkpoint to look into, where a folder has several" },
  json: { type: "boolean", summary: "Prints JSON" },
} as const;

/** Says what is in a file. */
export const inspectCommand: Command = {
  name: "inspect",
  summary: "Say what a checkpoint, a model folder or a released model is",
  usage: "FILE|DIR|NAME",
  flags,
  examples: [
    "inspect out/sft_vlm_512.pth",
    "inspect ./my-model --tensors",
    "inspect pytorch_model.bin --json",
    "inspect minimind-3v",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags: { tensors, weights, json }, positional } = parseFlags(args, flags);
  const [name] = positional;
  if (name === undefined || positional.length > 1) {
    throw new TypeError("Cannot inspect: name one file, folder or released model");
  }
  const here = folderUrl(Deno.cwd());
  const url = resolveName(name, here);
  const exists = url.protocol === "file:" && await Deno.stat(url).then(() => true, ifMissing);
  if (!exists) {
    if (/[\\/]|\.(safetensors|pth|pt|bin|json)$/.test(name)) {
      throw new TypeError(`Cannot inspect "${name}": there is no such file or folder`);
    }
    const preset = findPreset(name);
    const { files, ...rest } = preset;
    const known = [...files].map(([file, about]) => ({ file, ...about }));
    stdout.write(`${json ? JSON.stringify({ ...rest, files: known }, undefined, 2) : presetText(preset)}\n`);
    return 0;
  }
  using files = openFiles({ base: here });
  const folder = await open(url.href, files, weights);
  const { checkpoint, ...documents } = folder;
  const contents = inspectCheckpoint(checkpoint, folder.config);
  const found = Object.entries(documents).filter(([, value]) => value !== undefined).map(([key]) =>
    documentNames[key]!
  );
  if (json) {
    const { tensors: list, ...rest } = contents;
    const report = { name, ...rest, documents: found, ...tensors ? { tensors: list } : {} };
    stdout.write(`${JSON.stringify(report, (_, value) => typeof value === "bigint" ? String(value) : value, 2)}\n`);
  } else stdout.write(`${contentsText(name, contents, { documents: found, tensors })}\n`);
  return 0;
}

/** File names of a folder's documents. */
const documentNames: Readonly<Record<string, string>> = {
  config: "config.json",
  generationConfig: "generation_config.json",
  preprocessorConfig: "preprocessor_config.json",
  tokenizer: "tokenizer.json",
  tokenizerConfig: "tokenizer_config.json",
  chatTemplate: "chat_template.jinja",
};

/** A folder, one checkpoint, or the index of one in shards. */
async function open(href: string, files: Files, weights: string | undefined): Promise<ModelFolder> {
  if (await files.isFolder(href)) return await openModelFolder(files.folder(href), { weights });
  if (weights !== undefined) throw new TypeError(`Cannot use --weights: "${shortName(href)}" is no folder`);
  const main = { name: shortName(href), bytes: await files.open(href) };
  if (!href.endsWith(".json")) return { checkpoint: await openCheckpoint([main]) };
  const index = parseShardIndex(await files.read(href), main.name);
  const shards = [...new Set(index.values())].map(async (name) => ({
    name,
    bytes: await files.open(new URL(encodeURIComponent(name), href).href),
  }));
  return { checkpoint: await openCheckpoint([main, ...await Promise.all(shards)]) };
}

function ifMissing(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
  throw error;
}
