/**
 * Flags that give some parameters numbers of their own.
 *
 * @module
 */
import type { ParameterRule } from "../../trainers/parameter_groups.ts";
import type { TrainFlagValues } from "./settings.ts";

/**
 * The rules of `--lr-group` and `--decay-group`; rates are told as multiples of the run's.
 *
 * @throws {TypeError} if one is not a pattern and a number
 */
export function parameterRules(
  flags: TrainFlagValues,
  { learningRate }: { readonly learningRate: number },
): ParameterRule[] {
  return [
    ...numbersByPattern(flags, "lr-group").map(([pattern, rate]) => ({ pattern, rate: rate / learningRate })),
    ...numbersByPattern(flags, "decay-group").map(([pattern, weightDecay]) => ({ pattern, weightDecay })),
  ];
}

/** `PATTERN=NUMBER` of a flag that may be given several times. */
function numbersByPattern(flags: TrainFlagValues, name: "lr-group" | "decay-group"): [pattern: string, number][] {
  return flags[name].map((text) => {
    const [, pattern, number] = /^(.+)=(.+)$/.exec(text) ?? [];
    if (pattern !== undefined && Number(number) >= 0) return [pattern, Number(number)];
    throw new TypeError(`Cannot read flag "--${name}": "${text}" is not a pattern, = and a number of 0 or more`);
  });
}
