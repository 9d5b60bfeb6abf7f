/**
 * What a training run is told: flags, then a config file, then upstream's defaults of the stage.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import { count, type FlagValues } from "../flags.ts";
import type { HubFlagValues } from "../hub_flags.ts";
import { checkNumbers, choice } from "./check_flags.ts";
import { formatConfigFile, withConfigFile } from "./config_file.ts";
import type { trainFlags } from "./flags.ts";
import { parameterRules } from "./parameter_rules.ts";
import { idleNotices } from "./upstream.ts";
import { placeOf, type WeightFile } from "./place.ts";
import { findStart, type Start } from "./start.ts";
import { type FreezePolicy, parseFreezePolicy } from "../../trainers/freeze.ts";
import type { AccumulationTail } from "../../trainers/loop.ts";
import { defaultLoraLayers } from "../../trainers/lora.ts";
import type { ParameterRule } from "../../trainers/parameter_groups.ts";
import type { RowVariation } from "../../trainers/varied_rows.ts";

/** Values of the flags. */
export type TrainFlagValues = FlagValues<typeof trainFlags>;

/** The adapter that a run trains. */
export interface LoraSettings {
  /** Rows of every A. */
  readonly rank: number;
  /** The change is scaled by alpha / rank. */
  readonly alpha: number;
  /** Patterns of the layers to adapt. */
  readonly layers: readonly string[];
  /** Start of its file name. */
  readonly name: string;
  /** An adapter to go on from, which has all of the above but the name. */
  readonly weight?: string | undefined;
}

/** A run, complete. */
export interface TrainSettings {
  /** Stage, which decides the defaults. */
  readonly stage: "pretrain" | "sft";
  /** File of conversations. */
  readonly data: string;
  /** Folder of images. */
  readonly images?: string | undefined;
  /** What is to be said of flags that change nothing. */
  readonly notices: readonly string[];
  /** How the hub is reached. */
  readonly hub: HubFlagValues;
  /** Its flags as a config file. */
  readonly text: string;
  /** Model to start from. */
  readonly start: Start;
  /** Folder of the run. */
  readonly out: string;
  /** Upstream's file of the weights, half precision without the encoder; absent where it is not asked for. */
  readonly weight?: WeightFile | undefined;
  /** Backend. */
  readonly backend: string;
  /** Threads of it. */
  readonly threads?: number | undefined;
  /** Epochs. */
  readonly epochs: number;
  /** Rows of a batch. */
  readonly batchSize: number;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Batches of the warm-up. */
  readonly warmupSteps: number;
  /** Batches of an update. */
  readonly accumulation: number;
  /** What becomes of batches left at the end of an epoch. Default by the generation of the model. */
  readonly tail?: AccumulationTail | undefined;
  /** Largest norm. */
  readonly clip: number;
  /** Weight decay. */
  readonly weightDecay: number;
  /** Learning rates and weight decays of some parameters' own. */
  readonly rules: readonly ParameterRule[];
  /** Decay of the average that is kept of the weights. */
  readonly ema?: number | undefined;
  /** Whether products are to be in f16, where the backend has it. */
  readonly mixed: boolean;
  /** Whether activations are computed again instead of kept, which changes no result. */
  readonly recompute: boolean;
  /** Tokens of a row. */
  readonly tokens: number;
  /** Whether rows are packed. */
  readonly pack: boolean;
  /** How rows vary from epoch to epoch. */
  readonly variation: RowVariation;
  /** Bytes of prepared images that are kept in memory. Default 256 MiB. */
  readonly imageBytes?: number | undefined;
  /** Images of a row, or of a pack, at most. */
  readonly maxImages?: number | undefined;
  /** What is trained, where no adapter is. */
  readonly freeze: FreezePolicy;
  /** The adapter that is trained in place of the model. */
  readonly lora?: LoraSettings | undefined;
  /** Patterns of parameters that start from nothing. */
  readonly init: readonly string[];
  /** Seed. */
  readonly seed: number;
  /** Share of validation rows. */
  readonly valSplit: number;
  /** File of validation rows. */
  readonly valData?: string | undefined;
  /** Whether bad rows are left out. */
  readonly skipBadRows: boolean;
  /** Batches between validations. */
  readonly validateEvery?: number | undefined;
  /** Batches between lines. */
  readonly logEvery: number;
  /** Batches between checkpoints. */
  readonly saveEvery: number;
  /** Batches between samples. */
  readonly sampleEvery?: number | undefined;
  /** Fixed prompts. */
  readonly samples: number;
  /** Which checkpoint to go on from. */
  readonly resume?: "last" | "previous" | undefined;
  /** Whether a run that is there may be lost. */
  readonly overwrite: boolean;
  /** Folder of features. */
  readonly featureCache: string;
}

/** Upstream's defaults by stage. */
const defaults = {
  pretrain: { batchSize: 16, learningRate: 4e-4, tokens: 450, freeze: "pretrain" },
  sft: { batchSize: 4, learningRate: 5e-6, tokens: 768, freeze: "sft" },
} as const;

/** Upstream's `train_lora.py`'s. */
const loraLearningRate = 1e-4;

/**
 * Puts a run together.
 *
 * @throws {TypeError} if the stage, the data or the folder is not named
 * @throws {ConfigError} if the config file is wrong
 */
export async function readSettings(given: TrainFlagValues, positional: readonly string[]): Promise<TrainSettings> {
  const [stage] = positional;
  if ((stage !== "pretrain" && stage !== "sft") || positional.length > 1) {
    throw new TypeError(`Cannot train ${JSON.stringify(positional.join(" "))}: name a stage, pretrain or sft`);
  }
  const flags = await allFlags(given);
  const own = defaults[stage];
  const { data } = flags;
  if (data === undefined) throw new TypeError("Cannot train without data: name a file with --data");
  checkNumbers(flags);
  const start = await findStart(flags);
  const lora = loraOf(flags, start);
  const { out, weight } = placeOf(flags, { start, weight: lora?.name ?? flags["save-weight"] ?? `${stage}_vlm` });
  const badRows = choice(flags, "on-bad-row", ["error", "skip"]);
  if (flags["val-data"] !== undefined && flags["val-split"] !== undefined) {
    throw new TypeError("Cannot validate both on --val-data and on a share of the rows, --val-split: name one of them");
  }
  const learningRate = flags["learning-rate"] ?? (lora === undefined ? own.learningRate : loraLearningRate);
  return {
    stage,
    data,
    images: flags.images,
    notices: idleNotices(flags),
    hub: { "cache-dir": flags["cache-dir"], offline: flags.offline },
    text: formatConfigFile(flags),
    start,
    out,
    weight,
    backend: flags.backend ?? "wasm",
    threads: flags.threads,
    epochs: count(flags, "epochs") ?? 2,
    batchSize: count(flags, "batch-size") ?? own.batchSize,
    learningRate,
    warmupSteps: flags["warmup-steps"] ?? 0,
    accumulation: count(flags, "accumulation-steps") ?? 1,
    tail: choice(flags, "accumulation-tail", ["flush", "carry"]),
    clip: flags["grad-clip"] ?? 1,
    weightDecay: flags["weight-decay"] ?? 0.01,
    rules: parameterRules(flags, { learningRate }),
    ema: flags.ema,
    mixed: flags.dtype === "float16",
    recompute: flags.recompute,
    tokens: count(flags, "max-seq-len") ?? own.tokens,
    pack: flags.pack,
    variation: { flip: flags.flip, tokenDropout: flags["token-dropout"] },
    imageBytes: flags["image-memory"] === undefined ? undefined : flags["image-memory"] * 2 ** 20,
    maxImages: flags["max-images"],
    freeze: policyOf(flags, { fallback: own.freeze, generation: start.sizes?.generation }),
    lora,
    init: flags.init,
    seed: flags.seed ?? 42,
    valSplit: flags["val-split"] ?? 0,
    valData: flags["val-data"],
    skipBadRows: badRows === "skip",
    validateEvery: count(flags, "val-interval"),
    logEvery: count(flags, "log-interval") ?? 100,
    saveEvery: count(flags, "save-interval") ?? 1000,
    sampleEvery: count(flags, "sample-interval"),
    samples: flags.samples ?? 4,
    resume: resumeOf(flags),
    overwrite: flags.overwrite,
    featureCache: flags["feature-cache"] ?? `${flags["save-dir"] ?? out}/features`,
  };
}

/** The file of a run's flags in its folder. */
export const runFile = "run.json";

/** Flags, what `--config` names beneath them, and where a run goes on, what it was begun with beneath those. */
async function allFlags(given: TrainFlagValues): Promise<TrainFlagValues> {
  const flags = given.config === undefined ? given : await withConfigFile(given, given.config);
  const file = `${flags.out}/${runFile}`;
  const goesOn = flags.out !== undefined && resumeOf(flags) !== undefined && await exists(file);
  return goesOn ? await withConfigFile(flags, file) : flags;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Settings that decide what is learnt: those of a run that goes on must be the same. */
export function decisive(settings: TrainSettings): Readonly<Record<string, unknown>> {
  const { stage, data, start, epochs, batchSize, learningRate, warmupSteps, accumulation, clip, weightDecay } =
    settings;
  const { model, parts } = start;
  const { rules, ema, tokens, maxImages, freeze, init, seed, valSplit, valData, skipBadRows, variation } = settings;
  return {
    ...{ stage, data, model, ...Object.keys(parts).length > 0 && { parts } },
    ...{ epochs, batchSize, learningRate, warmupSteps, accumulation, clip, weightDecay },
    ...{ rules, ema, tokens, maxImages, freeze, init, seed, valSplit, valData, skipBadRows },
    ...settings.pack && { pack: true },
    ...variation.flip && { flip: true },
    ...(variation.tokenDropout ?? 0) > 0 && { tokenDropout: variation.tokenDropout },
  };
}

function policyOf(
  flags: TrainFlagValues,
  { fallback, generation }: { readonly fallback: string; readonly generation: 2 | 3 | undefined },
): FreezePolicy {
  const { freeze } = flags;
  if (freeze.length > 1 || /[.*]/.test(freeze[0] ?? "")) return parseFreezePolicy(freeze, { generation });
  const level = flags["freeze-llm"];
  return parseFreezePolicy(freeze[0] ?? (level === undefined ? fallback : `freeze_llm ${level}`), { generation });
}

/**
 * @throws {TypeError} if flags of an adapter and of the model itself are mixed
 * @throws {ConfigError} if the base has no name by which the adapter could be used later
 */
function loraOf(flags: TrainFlagValues, { model, parts }: Start): LoraSettings | undefined {
  const given = (names: readonly (keyof TrainFlagValues & string)[]) =>
    names.find((name) => Array.isArray(flags[name]) ? flags[name].length > 0 : flags[name] !== undefined);
  const shape = given(["lora-rank", "lora-alpha", "lora-layers"]);
  const { "lora-name": name = "lora_vlm", "lora-weight": weight, "lora-layers": layers } = flags;
  if (!flags.lora) {
    const idle = shape ?? given(["lora-name", "lora-weight"]);
    if (idle !== undefined) throw new TypeError(`Cannot use flag "--${idle}" without --lora`);
    return undefined;
  }
  const other = given(["freeze", "freeze-llm", "init"]);
  if (other !== undefined) throw new TypeError(`Cannot use flag "--${other}" with --lora: the model stays as it is`);
  if (weight !== undefined && shape !== undefined) {
    throw new TypeError(`Cannot use flag "--${shape}" with --lora-weight: the adapter has its own`);
  }
  if (!/^[\w.-]+$/.test(name)) {
    throw new TypeError(`Cannot read flag "--lora-name": "${name}" is not the start of a file name`);
  }
  const own = Object.entries(parts).flatMap(([part, value]) => value === undefined ? [] : [part]);
  if (model === undefined || own.length > 0) {
    const what = own.length > 0 ? `one with other ${own.join(", ")} is none` : "there is none";
    throw new ConfigError(`Cannot train an adapter: its base must be a model by one name, and ${what}`);
  }
  const rank = count(flags, "lora-rank") ?? 16;
  const alpha = flags["lora-alpha"] ?? rank;
  return { rank, alpha, layers: layers.length > 0 ? layers : defaultLoraLayers, name, weight };
}

function resumeOf(flags: TrainFlagValues): "last" | "previous" | undefined {
  const word = flags.resume ?? flags["from-resume"];
  if (word === undefined || word === "0") return undefined;
  if (word === "1" || word === "last") return "last";
  if (word === "previous") return "previous";
  throw new TypeError(`Cannot read flag "--from-resume": "${word}" is none of 0, 1, previous`);
}
