/**
 * `minimind convert`: between upstream's `.pth`, safetensors, and Hugging Face's folder; LoRA adapters merged on the way.
 *
 * @module
 */
import { type ExportedModel, type ExportFormat, exportModel } from "../data/export.ts";
import { formatBytes } from "../data/hub/bytes.ts";
import { splitEncoder } from "../data/infer_encoder.ts";
import type { LoraAdapter } from "../data/lora_file.ts";
import { foldAlpha, writeLora } from "../data/lora_writer.ts";
import { type Precision, precisions } from "../data/saved_tensor.ts";
import { openFiles } from "../sdk/files.ts";
import type { Command } from "./command.ts";
import { readSource } from "./convert/source.ts";
import { parseFlags } from "./flags.ts";
import { hubFlags, openHub } from "./hub_flags.ts";
import { folderUrl, parseAdapter } from "./model_flags.ts";
import { note } from "./terminal.ts";
import { writeFiles } from "./write_files.ts";

const flags = {
  precision: {
    type: "string",
    value: "TYPE",
    summary: "Type of the numbers: f16 (default), bf16, f32, or q8, 8-bit blocks at half the size",
  },
  format: {
    type: "string",
    value: "FORMAT",
    summary: "pth, safetensors or hf (a folder); default by the name of TO. Files get upstream's names in a folder TO",
  },
  lora: {
    type: "list",
    value: "FILE[:SCALE]",
    aliases: ["lora-weight"],
    summary: "Merge a LoRA adapter into the weights, or so much of it; may be given several times",
  },
  "with-encoder": { type: "boolean", summary: "Keep the vision encoder, where FROM includes it" },
  force: { type: "boolean", summary: "Replace files that are there" },
  weights: { type: "string", value: "FILE", summary: "The checkpoint to take where the folder FROM has several" },
  weight: {
    type: "string",
    value: "STAGE",
    aliases: ["save-weight"],
    summary: "Start of upstream's file name, STAGE_WIDTH.pth (default sft_vlm)",
  },
  config: { type: "string", value: "FILE", summary: "The model's config.json, where it does not lie beside FROM" },
  tokenizer: { type: "string", value: "DIR", summary: "Folder of the tokenizer, where it does not lie beside FROM" },
  "image-tokens": {
    type: "number",
    value: "N",
    summary: "Embeddings of an image, for config.json (default 196 or 64)",
  },
  "allow-overflow": { type: "boolean", summary: "Let numbers too large for the precision become infinite" },
  ...hubFlags,
} as const;

/** Converts a model's weights between formats. */
export const convertCommand: Command = {
  name: "convert",
  summary: "Convert a model between .pth, safetensors and a Hugging Face folder, or merge LoRA into it (also export)",
  usage: "FROM TO",
  flags,
  examples: [
    "convert out/sft_vlm_768.pth minimind-3v --tokenizer tokenizer",
    "export out/ upstream/ --format pth",
    "convert minimind-3v out/sft_vlm_768.pth --force",
    "convert sft_vlm_512.pth model.safetensors --precision f32",
    "convert minimind-3v merged.pth --lora medical.safetensors --lora style.safetensors:0.5",
    "convert lora_vlm_512.safetensors lora_vlm_512.pth",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags: given, positional } = parseFlags(args, flags);
  const [from, to] = positional;
  if (from === undefined || to === undefined || positional.length > 2) {
    throw new TypeError(`Cannot convert ${positional.join(", ") || "nothing"}: name what to read and what to write`);
  }
  const precision = choice("precision", given.precision ?? "f16", precisions);
  const format = given.format === undefined
    ? formatOf(to)
    : choice("format", given.format, ["pth", "safetensors", "hf"] as const);
  using files = openFiles({ base: folderUrl(Deno.cwd()), hub: () => openHub(given) });
  const source = await readSource(from, {
    files,
    weights: given.weights,
    config: given.config,
    tokenizer: given.tokenizer,
    withCompanions: format === "hf",
    adapters: given.lora.map(parseAdapter),
  });
  if ("adapter" in source) {
    console.log(await writeAdapter(source.adapter, { to, format, precision, force: given.force }));
    return 0;
  }
  const { encoder } = splitEncoder(source.model.tensors);
  if (encoder !== undefined && !given["with-encoder"]) {
    note(`left out the vision encoder, ${encoder.size} tensors; --with-encoder keeps it`);
  }
  const exported = exportModel(source.model, {
    format,
    precision,
    withEncoder: given["with-encoder"],
    weight: given.weight,
    imageTokens: given["image-tokens"],
    allowOverflow: given["allow-overflow"],
  });
  const inFolder = format === "hf" || given.format !== undefined && formatOf(to) === "hf";
  const written = exported.files.map(({ name, chunks }) => ({
    path: inFolder ? `${to.replace(/[\\/]+$/, "")}/${name}` : to,
    chunks,
  }));
  const bytes = await writeFiles(written, { force: given.force });
  if (format === "hf" && !exported.files.some(({ name }) => name === "tokenizer.json")) {
    note("there is no tokenizer beside FROM: name its folder with --tokenizer, or the folder cannot chat");
  }
  console.log(summary(exported, { precision, bytes, to: inFolder && format !== "hf" ? written[0]!.path : to }));
  return 0;
}

/** What the name of a target asks for. */
function formatOf(to: string): ExportFormat {
  if (/\.(pth|pt|bin)$/.test(to)) return "pth";
  return to.endsWith(".safetensors") ? "safetensors" : "hf";
}

function choice<Value extends string>(flag: string, value: string, values: readonly Value[]): Value {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  throw new TypeError(`Cannot read flag "--${flag}": "${value}" is not one of ${values.join(", ")}`);
}

/** `wrote an adapter of 16 layers to out/lora.pth: rank 16, 1.2 MB as f16`. */
async function writeAdapter(
  adapter: LoraAdapter,
  { to, format, precision, force }: {
    readonly to: string;
    readonly format: ExportFormat;
    readonly precision: Precision;
    readonly force: boolean;
  },
): Promise<string> {
  if (format === "hf") throw new TypeError(`Cannot convert an adapter to "${to}": name a .safetensors or a .pth`);
  if (precision === "q8") throw new TypeError(`Cannot convert an adapter to "${to}": q8 is for whole models`);
  const own = format === "pth" ? foldAlpha(adapter) : adapter;
  const bytes = await writeFiles([{ path: to, chunks: () => [writeLora(own, { format, precision })] }], { force });
  const numbers = `rank ${adapter.rank}, ${formatBytes(bytes)} as ${precision}`;
  return `wrote an adapter of ${adapter.layers.size} layers to ${to}: ${numbers}`;
}

/** `wrote minimind-3v to out: 73 tensors, 65,094,912 parameters, 130.2 MB as f16`. */
function summary(
  { model, tensors, parameters }: ExportedModel,
  { precision, bytes, to }: { readonly precision: Precision; readonly bytes: number; readonly to: string },
): string {
  const numbers = `${tensors} tensors, ${parameters.toLocaleString("en")} parameters, ${formatBytes(bytes)}`;
  return `wrote ${
    model.known ?? `a model of generation ${model.sizes.generation}`
  } to ${to}: ${numbers} as ${precision}`;
}
