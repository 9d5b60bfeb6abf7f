/**
 * Parameters with a learning rate or a weight decay of their own.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import { globPattern } from "../core/glob.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import type { ParameterGroup } from "./optimiser.ts";

/** What some parameters have of their own. Of several rules that name a parameter the first one holds. */
export interface ParameterRule {
  /** Their names, `*` for any characters. */
  readonly pattern: string;
  /** Learning rate, as a multiple of the run's at every step. Default what later rules say, or 1. */
  readonly rate?: number | undefined;
  /** Weight decay. Default what later rules say, or the run's. */
  readonly weightDecay?: number | undefined;
}

/** Parameters that are updated with the same numbers. */
export interface RuledGroup extends ParameterGroup {
  /** Multiple of the run's learning rate. */
  readonly rate: number;
  /** Weight decay; undefined for the run's. */
  readonly weightDecay: number | undefined;
}

/**
 * Puts parameters that rules treat alike into groups, in the order of their first ones.
 *
 * @throws {ConfigError} if a rule names no parameter, or has a number that cannot be
 */
export function groupParameters(parameters: readonly Tensor[], rules: readonly ParameterRule[]): RuledGroup[] {
  const compiled = rules.map((rule) => ({ ...rule, test: globPattern(rule.pattern) }));
  for (const { pattern, test, rate = 1, weightDecay = 0 } of compiled) {
    const fail = (problem: string) => new ConfigError(`Cannot group "${pattern}": ${problem}`);
    if (!parameters.some(({ name }) => test.test(name))) throw fail("no parameter that is trained has such a name");
    if (!(rate >= 0 && rate < Infinity)) throw fail(`its learning rate is ${rate} times the run's`);
    if (!(weightDecay >= 0 && weightDecay < Infinity)) throw fail(`its weight decay is ${weightDecay}`);
  }
  const groups = new Map<string, RuledGroup & { readonly parameters: Tensor[] }>();
  for (const parameter of parameters) {
    const own = compiled.filter(({ test }) => test.test(parameter.name));
    const rate = own.find(({ rate }) => rate !== undefined)?.rate ?? 1;
    const weightDecay = own.find(({ weightDecay }) => weightDecay !== undefined)?.weightDecay;
    const key = `${rate} ${weightDecay}`;
    const group = groups.get(key) ?? { name: `${groups.size}`, parameters: [], rate, weightDecay };
    group.parameters.push(parameter);
    groups.set(key, group);
  }
  return [...groups.values()];
}
