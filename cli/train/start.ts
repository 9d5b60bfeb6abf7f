/**
 * What a run starts from: a model by any of its names, or upstream's way of naming weights.
 *
 * @module
 */
import { type ModelConfig, partOf } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import { type MiniMindOptions, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { type Files, openFiles } from "../../sdk/files.ts";
import { findModel, type ModelSource } from "../../sdk/model_source.ts";
import { randomModelName } from "../../sdk/model_source.ts";
import { type HubFlagValues, openHub } from "../hub_flags.ts";
import { requestModel } from "../model_flags.ts";
import type { UpstreamFlagValues } from "./upstream.ts";

/** Flags that say what to start from. */
export interface StartFlagValues extends UpstreamFlagValues, HubFlagValues {
  /** A model, or a config file that names its parts. */
  readonly model: string | undefined;
  /** Its parts, where others than its own are wanted. */
  readonly encoder: string | undefined;
  /** Likewise. */
  readonly projector: string | undefined;
  /** Likewise. */
  readonly decoder: string | undefined;
  /** Checkpoints of decoder and projector. */
  readonly weights: readonly string[];
  /** Folder of the tokenizer. */
  readonly tokenizer: string | undefined;
  /** Folder of the run, where it is not upstream's. */
  readonly out: string | undefined;
  /** Parameters that the files may lack. */
  readonly "allow-missing": readonly string[];
}

/** What a run starts from. */
export interface Start {
  /** The model: a name, or a path; undefined where the parts say all. */
  readonly model: string | undefined;
  /** What goes before the model's own config. */
  readonly parts: ModelConfig;
  /** URL that relative names start from. */
  readonly base: URL;
  /** Parameters that no file has to have. They are drawn at random. */
  readonly allowMissing: readonly string[];
  /** Flags that an encoder of one's own needs in other commands too, with a space in front; empty for others. */
  readonly flags: string;
  /** Sizes of the decoder; undefined where it is not MiniMind's. */
  readonly sizes: MiniMindOptions | undefined;
}

/** What a language model's weights lack. */
const projector = ["vision_proj.*"];

/**
 * Finds it. Headers of local checkpoints are read, nothing is downloaded.
 *
 * @throws {ConfigError} if there is no such file, or it has other sizes than the flags say
 */
export async function findStart(flags: StartFlagValues): Promise<Start> {
  const { encoder, decoder, tokenizer, weights, "from-weight": weight } = flags;
  const isConfig = flags.model?.endsWith(".json") ?? false;
  const request = await requestModel({
    ...{ encoder, projector: flags.projector, decoder, tokenizer, weights: [...weights] },
    ...isConfig ? { model: undefined, config: flags.model } : { model: flags.model, config: undefined },
    ...{ backend: undefined, threads: undefined, lora: [], "ctx-size": undefined, "allow-missing": [] },
    ...{ "cache-dir": flags["cache-dir"], offline: flags.offline },
  }, { standIn: randomModelName });
  const { base } = request;
  const { model: named, ...given } = request.config;
  using files = openFiles({ base, hub: () => openHub(flags) });
  // As it was written: what is said of the run should not depend on where it was started.
  const model = isConfig || request.standIn || flags.model === undefined ? named : flags.model;
  const allowMissing = flags["allow-missing"];
  if (weight === undefined) return await complete({ model, parts: given, base, allowMissing }, { files, flags });
  if (weights.length > 0) throw new TypeError("Cannot use both --weights and --from-weight: name one of them");
  const own = request.standIn ? undefined : model;
  if (weight === "none") return await fromNothing({ model: own, parts: given, base }, { files, flags });
  const file = await findWeight(weight, flags);
  const lacks = { base, allowMissing: [...allowMissing, ...projector] };
  const start = own === undefined
    ? { model: file, parts: given, ...lacks }
    : { model: own, parts: { ...given, weights: [files.resolve(file).href] }, ...lacks };
  return await complete(start, { files, flags });
}

/** The model's own config and weights; what the run says goes before. */
export async function findSource({ model, parts }: Pick<Start, "model" | "parts">, files: Files): Promise<ModelSource> {
  const source = model === undefined
    ? { name: "custom", config: {}, sources: new Map(), files: [] }
    : await findModel(model, files);
  return { ...source, config: { ...source.config, ...parts } };
}

/** What finding takes. */
interface Finding {
  readonly files: Files;
  readonly flags: StartFlagValues;
}

/** Tells the sizes, which must be those of the flags, and by which flags the encoder is found again. */
async function complete(start: Omit<Start, "sizes" | "flags">, { files, flags }: Finding): Promise<Start> {
  const { config } = await findSource(start, files);
  const sizes = sizesOf(config);
  const own = sizes && { "hidden-size": sizes.hiddenSize, "num-hidden-layers": sizes.numHiddenLayers };
  for (const [flag, value] of Object.entries({ ...own, "use-moe": sizes?.moe === undefined ? 0 : 1 })) {
    const wanted = flags[flag as keyof typeof own];
    if (wanted === undefined || wanted === value) continue;
    throw new ConfigError(`Cannot train "${start.model ?? "the model"}": it has --${flag} ${value}, not ${wanted}`);
  }
  return { ...start, sizes, flags: isBuiltIn(config) ? "" : encoderFlags(flags) };
}

/** Whether a model's folder can say what its encoder is, because the tensors tell it apart. */
export function isBuiltIn({ encoder }: ModelConfig): boolean {
  return ["clip", "siglip", "tiny"].some((name) => name === partOf(encoder ?? "").use);
}

function encoderFlags({ model, encoder }: StartFlagValues): string {
  return encoder === undefined ? ` --config ${model}` : ` --encoder '${encoder}'`;
}

function sizesOf({ decoder }: ModelConfig): Start["sizes"] {
  const { use, options } = partOf(decoder ?? "");
  return use === "minimind" ? parseMiniMindOptions(options ?? { generation: 3 }) : undefined;
}

/** A decoder and a projector that no file has, of the sizes that the flags say; the encoder is the model's. */
async function fromNothing(
  { model, parts, base }: { readonly model: string | undefined; readonly parts: ModelConfig; readonly base: URL },
  finding: Finding,
): Promise<Start> {
  const { "hidden-size": width, "num-hidden-layers": layers, "use-moe": moe } = finding.flags;
  const like = model ?? releasedModel(finding.flags);
  const source = await findModel(like, finding.files);
  const { use, options = {} } = partOf(parts.decoder ?? source.config.decoder ?? "");
  const wanted = { hidden_size: width, num_hidden_layers: layers, use_moe: moe === undefined ? undefined : moe === 1 };
  const changed = Object.entries(wanted).filter(([key, value]) => value !== undefined && options[key] !== value);
  // What follows from the width must not stay that of another one.
  const kept = changed.some(([key]) => key === "hidden_size")
    ? Object.entries(options).filter(([key]) =>
      !["head_dim", "intermediate_size", "moe_intermediate_size"].includes(key)
    )
    : Object.entries(options);
  const decoder = { use, options: Object.fromEntries([...kept, ...changed]) };
  const start = { model: like, parts: { ...parts, decoder, weights: [] }, base };
  const untied = decoder.options["tie_word_embeddings"] === false ? ["lm_head.weight"] : [];
  return await complete({ ...start, allowMissing: ["model.*", ...untied, ...projector] }, finding);
}

/** The released model that is nearest to the sizes; upstream's own default without any. */
function releasedModel(flags: UpstreamFlagValues): string {
  const { "hidden-size": width = 768, "num-hidden-layers": layers = 8, "use-moe": moe } = flags;
  if (moe === 1) return "minimind-3v-moe";
  if (layers === 16) return "minimind2-v";
  return width === 512 ? "minimind2-small-v" : "minimind-3v";
}

/** Upstream's `{save_dir}/{weight}_{hidden_size}[_moe].pth`; sizes that are not given may be left to the folder. */
async function findWeight(weight: string, flags: StartFlagValues): Promise<string> {
  const { "save-dir": folder = flags.out, "hidden-size": width, "use-moe": moe } = flags;
  if (folder === undefined) throw new TypeError(`Cannot find weight "${weight}": name its folder with --save-dir`);
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
  const files = names.filter((name) => /^.+_\d+(_moe)?\.pth$/.test(name)).toSorted();
  const wanted = `${weight}_${width ?? "WIDTH"}${moe === 1 ? "_moe" : ""}.pth`;
  const fitting = files.filter((name) => {
    const [, start, size, mixed] = /^(.+)_(\d+)(_moe)?\.pth$/.exec(name)!;
    const sized = width === undefined || Number(size) === width;
    return start === weight && sized && (moe === undefined || (moe === 1) === (mixed !== undefined));
  });
  if (fitting.length === 1) return `${folder.replace(/[\\/]+$/, "")}/${fitting[0]}`;
  if (fitting.length > 1) {
    throw new ConfigError(`Cannot choose among ${fitting.join(", ")}: name one with --hidden-size and --use-moe`);
  }
  const there = files.length === 0 ? "there is no such file" : `there are ${files.join(", ")}`;
  throw new ConfigError(`Cannot find weight "${weight}" as "${folder}/${wanted}": ${there}`);
}
