/**
 * What a training run is told: flags, then a config file, then upstream's defaults of the stage.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import type { FlagValues } from "../flags.ts";
import type { trainFlags } from "./flags.ts";
import { type FreezePolicy, parseFreezePolicy } from "../../trainers/freeze.ts";
import { defaultLoraLayers } from "../../trainers/lora.ts";

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
  /** Model to start from. */
  readonly model: string;
  /** Folder of the run. */
  readonly out: string;
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
  /** Largest norm. */
  readonly clip: number;
  /** Weight decay. */
  readonly weightDecay: number;
  /** Whether activations are computed again instead of kept, which changes no result. */
  readonly recompute: boolean;
  /** Tokens of a row. */
  readonly tokens: number;
  /** Images of a row at most. */
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
  const flags = given.config === undefined ? given : await mergeConfig(given, given.config);
  const own = defaults[stage];
  const { data, out } = flags;
  if (data === undefined) throw new TypeError("Cannot train without data: name a file with --data");
  if (out === undefined) throw new TypeError("Cannot train without a folder to write to: name it with --out");
  const lora = loraOf(flags);
  const badRows = flags["on-bad-row"] ?? "error";
  if (badRows !== "error" && badRows !== "skip") {
    throw new TypeError(`Cannot read flag "--on-bad-row": "${badRows}" is neither error nor skip`);
  }
  return {
    stage,
    data,
    images: flags.images,
    model: flags.model ?? "random",
    out,
    backend: flags.backend ?? "wasm",
    threads: flags.threads,
    epochs: count(flags, "epochs") ?? 2,
    batchSize: count(flags, "batch-size") ?? own.batchSize,
    learningRate: flags["learning-rate"] ?? (lora === undefined ? own.learningRate : loraLearningRate),
    warmupSteps: flags["warmup-steps"] ?? 0,
    accumulation: count(flags, "accumulation-steps") ?? 1,
    clip: flags["grad-clip"] ?? 1,
    weightDecay: flags["weight-decay"] ?? 0.01,
    recompute: flags.recompute,
    tokens: count(flags, "max-seq-len") ?? own.tokens,
    maxImages: flags["max-images"],
    freeze: policyOf(flags, own.freeze),
    lora,
    init: flags.init,
    seed: flags.seed ?? 42,
    valSplit: flags["val-split"] ?? 0,
    skipBadRows: badRows === "skip",
    validateEvery: count(flags, "val-interval"),
    logEvery: count(flags, "log-interval") ?? 100,
    saveEvery: count(flags, "save-interval") ?? 1000,
    sampleEvery: count(flags, "sample-interval"),
    samples: flags.samples ?? 4,
    resume: resumeOf(flags),
    overwrite: flags.overwrite,
    featureCache: flags["feature-cache"] ?? `${out}/features`,
  };
}

/** Settings that decide what is learnt: those of a run that goes on must be the same. */
export function decisive(settings: TrainSettings): Readonly<Record<string, unknown>> {
  const { stage, data, model, epochs, batchSize, learningRate, warmupSteps, accumulation, clip, weightDecay } =
    settings;
  const { tokens, maxImages, freeze, init, seed, valSplit, skipBadRows } = settings;
  return {
    ...{ stage, data, model, epochs, batchSize, learningRate, warmupSteps, accumulation, clip, weightDecay },
    ...{ tokens, maxImages, freeze, init, seed, valSplit, skipBadRows },
  };
}

function count(flags: TrainFlagValues, name: keyof TrainFlagValues & string): number | undefined {
  const value = flags[name];
  if (value === undefined || (Number.isInteger(value) && Number(value) > 0)) return value as number | undefined;
  throw new TypeError(`Cannot read flag "--${name}": ${value} is not a whole number above 0`);
}

function policyOf(flags: TrainFlagValues, fallback: string): FreezePolicy {
  const { freeze } = flags;
  if (freeze.length > 1 || /[.*]/.test(freeze[0] ?? "")) return freeze;
  const level = flags["freeze-llm"];
  return parseFreezePolicy(freeze[0] ?? (level === undefined ? fallback : `freeze_llm ${level}`));
}

/** @throws {TypeError} if flags of an adapter and of the model itself are mixed */
function loraOf(flags: TrainFlagValues): LoraSettings | undefined {
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

/** A config file's values where no flag is given; its keys are the flags' names, in kebab- or snake_case. */
async function mergeConfig(flags: TrainFlagValues, file: string): Promise<TrainFlagValues> {
  const fail = (problem: string, cause?: unknown) => new ConfigError(`Cannot read "${file}": ${problem}`, { cause });
  let config: unknown;
  try {
    config = JSON.parse(await Deno.readTextFile(file));
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) throw fail("it is not an object");
  const merged: Record<string, unknown> = { ...flags };
  for (const [key, value] of Object.entries(config)) {
    const name = key.replaceAll("_", "-");
    if (!(name in flags) || name === "config") throw fail(`unknown key "${key}", keys are the names of flags`);
    const current = merged[name];
    const unset = current === undefined || current === false || (Array.isArray(current) && current.length === 0);
    if (unset) merged[name] = Array.isArray(current) ? [value].flat().map(String) : value;
  }
  return merged as TrainFlagValues;
}
