/**
 * Flags of upstream's trainers: what they mean here, and what is said of those that change nothing.
 *
 * Names and defaults: jingyaogong/minimind-v, `trainer/train_pretrain_vlm.py` and `trainer/train_sft_vlm.py` of both
 * generations.
 *
 * @module
 */
import type { FlagValues } from "../flags.ts";

const number = (summary: string, aliases: readonly string[] = []) =>
  ({ type: "number", value: "N", aliases, summary }) as const;

/** Upstream's flags that no other flag here is named like, for `parseFlags`. */
export const upstreamFlags = {
  "save-dir": {
    type: "string",
    value: "DIR",
    aliases: ["out-dir"],
    summary: "As upstream: DIR/WEIGHT_WIDTH.pth is written and read there; the run itself goes to DIR/WEIGHT_WIDTH",
  },
  "save-weight": {
    type: "string",
    value: "WEIGHT",
    summary: "Start of the names in --save-dir (default pretrain_vlm or sft_vlm)",
  },
  "from-weight": {
    type: "string",
    value: "WEIGHT",
    summary: "Starts from --save-dir's WEIGHT_WIDTH.pth: llm, pretrain_vlm, …; none for nothing but the encoder",
  },
  "hidden-size": number("Width of the decoder; must be the model's, or makes one with --from-weight none", ["dim"]),
  "num-hidden-layers": number("Blocks of the decoder, likewise", ["n-layers"]),
  "use-moe": number("1 for a mixture of experts, 0 for a dense decoder, likewise"),
  device: { type: "string", value: "NAME", summary: "Only cpu; others change nothing" },
  dtype: {
    type: "string",
    value: "TYPE",
    summary: "float32, or float16: mixed precision, on webgpu with f16; else it changes nothing",
  },
  "num-workers": number("Changes nothing: rows are made ready beside the step"),
  "use-wandb": { type: "boolean", summary: "Changes nothing: see metrics.jsonl and report.html" },
  "wandb-project": { type: "string", value: "NAME", summary: "Changes nothing, likewise" },
  "use-compile": number("Changes nothing: the step is always planned and recorded"),
  ddp: { type: "boolean", summary: "Changes nothing: one process trains" },
  "local-rank": number("Changes nothing, likewise"),
} as const;

/** Values of {@link upstreamFlags}. */
export type UpstreamFlagValues = FlagValues<typeof upstreamFlags>;

const oneProcess = "one process trains; export a .pth to go on with torchrun";
const ownReport = "metrics.jsonl and report.html in the run's folder need no account";

/** What is said of a flag that changes nothing. */
export function idleNotice(flag: string, reason: string): string {
  return `${flag} changes nothing here: ${reason}`;
}

/** Why a `--dtype` may change nothing. */
export const onlyFull = "everything computes in float32; export saves halves, as upstream does";

/**
 * A line for each flag that was given and changes nothing, with the reason; float16 is left to the backend.
 *
 * @throws {TypeError} if `--dtype` is no type that upstream has
 */
export function idleNotices(flags: UpstreamFlagValues): string[] {
  const { device = "cpu", dtype = "float32", "num-workers": workers } = flags;
  if (!["bfloat16", "float16", "float32"].includes(dtype)) {
    throw new TypeError(`Cannot read flag "--dtype": "${dtype}" is none of bfloat16, float16, float32`);
  }
  const idle: readonly (readonly [flag: string, given: boolean, reason: string])[] = [
    [`--device ${device}`, device !== "cpu", "training runs on the CPU"],
    [`--dtype ${dtype}`, dtype === "bfloat16", onlyFull],
    [`--num-workers ${workers}`, workers !== undefined, "rows are read, decoded and resized beside the step"],
    ["--use-wandb", flags["use-wandb"], ownReport],
    ["--wandb-project", flags["wandb-project"] !== undefined, ownReport],
    ["--use-compile", flags["use-compile"] !== undefined, "the step is always planned and recorded once"],
    ["--ddp", flags.ddp, oneProcess],
    ["--local-rank", flags["local-rank"] !== undefined, oneProcess],
  ];
  return idle.flatMap(([flag, given, reason]) => given ? [idleNotice(flag, reason)] : []);
}
