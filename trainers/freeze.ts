/**
 * What a stage of training changes and what it leaves frozen.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import { globPattern } from "../core/glob.ts";

/**
 * A freeze policy.
 *
 * - `projector`: the projector alone (MiniMind2-V's pretraining, minimind-3v's `freeze_llm 2`)
 * - `projector+last`: and the decoder's last block (an option of MiniMind2-V's pretraining)
 * - `projector+ends`: and the decoder's first and last blocks (minimind-3v's `freeze_llm 1`)
 * - `decoder`: projector and decoder (both SFT stages, `freeze_llm 0`)
 * - a list of globs over parameter names: exactly those, which may unfreeze the encoder (`vision_model.*`)
 */
export type FreezePolicy = "projector" | "projector+last" | "projector+ends" | "decoder" | readonly string[];

/** Upstream's names of policies. */
const upstream: Readonly<Record<string, FreezePolicy>> = {
  pretrain: "projector",
  sft: "decoder",
  "freeze_llm 0": "decoder",
  "freeze_llm 1": "projector+ends",
  "freeze_llm 2": "projector",
};

/**
 * Reads a policy: one of its own names, or upstream's `pretrain`, `sft`, `freeze_llm 0`, `1`, `2`.
 *
 * @throws {ConfigError} listing the names there are
 */
export function parseFreezePolicy(name: string): FreezePolicy {
  const own = ["projector", "projector+last", "projector+ends", "decoder"] as const;
  const found = own.find((policy) => policy === name) ?? upstream[name.replace(/^freeze_llm[_=]/, "freeze_llm ")];
  if (found !== undefined) return found;
  throw new ConfigError(
    `Cannot freeze by "${name}": there are ${[...own, ...Object.keys(upstream)].join(", ")}, or a list of patterns`,
  );
}

/**
 * Tells which parameters a policy trains, by name.
 *
 * @throws {ConfigError} if a pattern matches no parameter
 */
export function trainableParameters(policy: FreezePolicy, names: readonly string[]): ReadonlySet<string> {
  if (typeof policy !== "string") {
    const idle = policy.find((pattern) => !names.some((name) => globPattern(pattern).test(name)));
    if (idle !== undefined) throw new ConfigError(`Cannot train "${idle}": no parameter has such a name`);
    return new Set(names.filter((name) => policy.some((pattern) => globPattern(pattern).test(name))));
  }
  const layers = names.flatMap((name) => /^model\.layers\.(\d+)\./.exec(name)?.slice(1).map(Number) ?? []);
  const last = Math.max(...layers);
  const blocks = { projector: [], "projector+last": [last], "projector+ends": [0, last], decoder: undefined }[policy];
  return new Set(names.filter((name) => {
    if (name.startsWith("vision_proj.")) return true;
    if (blocks === undefined) return name.startsWith("model.") || name === "lm_head.weight";
    return blocks.some((block) => name.startsWith(`model.layers.${block}.`));
  }));
}
