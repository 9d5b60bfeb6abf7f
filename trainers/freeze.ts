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
 * - a list of globs over parameter names, and of the names above: all that any of them trains. Only globs unfreeze the
 *   encoder: `["decoder", "vision_model.*"]`
 */
export type FreezePolicy = PolicyName | readonly string[];

/** Name of a policy. */
export type PolicyName = "projector" | "projector+last" | "projector+ends" | "decoder";

const policies: readonly PolicyName[] = ["projector", "projector+last", "projector+ends", "decoder"];

/** Upstream's names of policies. */
const upstream: Readonly<Record<string, PolicyName>> = {
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
  const found = policyOf(name);
  if (found !== undefined) return found;
  throw new ConfigError(
    `Cannot freeze by "${name}": there are ${
      [...policies, ...Object.keys(upstream)].join(", ")
    }, or a list of patterns`,
  );
}

function policyOf(name: string): PolicyName | undefined {
  return policies.find((policy) => policy === name) ?? upstream[name.replace(/^freeze_llm[_=]/, "freeze_llm ")];
}

/**
 * Tells which parameters a policy trains, by name.
 *
 * @throws {ConfigError} if a pattern matches no parameter
 */
export function trainableParameters(policy: FreezePolicy, names: readonly string[]): ReadonlySet<string> {
  const all = [policy].flat().map((entry) => {
    const named = policyOf(entry);
    if (named !== undefined) return trainedBy(named, names);
    const matching = names.filter((name) => globPattern(entry).test(name));
    if (matching.length === 0) throw new ConfigError(`Cannot train "${entry}": no parameter has such a name`);
    return matching;
  });
  const trained = new Set(all.flat());
  return new Set(names.filter((name) => trained.has(name)));
}

function trainedBy(policy: PolicyName, names: readonly string[]): string[] {
  const layers = names.flatMap((name) => /^model\.layers\.(\d+)\./.exec(name)?.slice(1).map(Number) ?? []);
  const last = Math.max(...layers);
  const blocks = { projector: [], "projector+last": [last], "projector+ends": [0, last], decoder: undefined }[policy];
  return names.filter((name) => {
    if (name.startsWith("vision_proj.")) return true;
    if (blocks === undefined) return name.startsWith("model.") || name === "lm_head.weight";
    return blocks.some((block) => name.startsWith(`model.layers.${block}.`));
  });
}
