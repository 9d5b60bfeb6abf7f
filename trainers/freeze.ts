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

/** Upstream's names of policies. The same number is not the same in both generations. */
const upstream: Readonly<Record<2 | 3, Readonly<Record<string, PolicyName>>>> = {
  2: {
    pretrain: "projector",
    sft: "decoder",
    "freeze_llm 0": "decoder",
    "freeze_llm 1": "projector",
  },
  3: {
    pretrain: "projector",
    sft: "decoder",
    "freeze_llm 0": "decoder",
    "freeze_llm 1": "projector+ends",
    "freeze_llm 2": "projector",
  },
};

/** Options of {@link parseFreezePolicy}. */
export interface FreezePolicyOptions {
  /** Whose numbers are meant: 2 is MiniMind2-V's, 3 minimind-3v's. Default 3. */
  readonly generation?: 2 | 3 | undefined;
}

/**
 * Reads a policy: one of its own names, or upstream's `pretrain`, `sft`, `freeze_llm 0`, `1`, `2`. MiniMind2-V's
 * `freeze_llm` is a yes or no: 1 trains the projector alone, and there is no 2. In a list everything else is a pattern.
 *
 * @throws {ConfigError} listing the names there are
 */
export function parseFreezePolicy(
  given: string | readonly string[],
  { generation = 3 }: FreezePolicyOptions = {},
): FreezePolicy {
  if (typeof given !== "string") return given.map((entry) => policyOf(entry, generation) ?? entry);
  const found = policyOf(given, generation);
  if (found !== undefined) return found;
  const names = [...policies, ...Object.keys(upstream[generation])].join(", ");
  throw new ConfigError(`Cannot freeze by "${given}": there are ${names}, or a list of patterns`);
}

function policyOf(name: string, generation: 2 | 3): PolicyName | undefined {
  const theirs = upstream[generation][name.replace(/^freeze_llm[_=]/, "freeze_llm ")];
  return policies.find((policy) => policy === name) ?? theirs;
}

/**
 * Tells which parameters a policy trains, by name.
 *
 * @throws {ConfigError} if a pattern matches no parameter
 */
export function trainableParameters(policy: FreezePolicy, names: readonly string[]): ReadonlySet<string> {
  const all = [policy].flat().map((entry) => {
    const named = policies.find((name) => name === entry);
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
