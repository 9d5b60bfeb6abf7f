/**
 * What `/set` changes: the settings of a conversation by every name that their flags have.
 *
 * @module
 */
import type { ChatOptions } from "../../core/chat_events.ts";
import { nearest } from "../nearest.ts";
import { checkOptions, samplingFlags } from "../sampling_flags.ts";
import type { ChatSession } from "./session.ts";

/** The number of `ChatOptions` that each setting is. */
const numbers = {
  "max-new-tokens": "maxNewTokens",
  temperature: "temperature",
  "top-k": "topK",
  "top-p": "topP",
  "min-p": "minP",
  "repetition-penalty": "repetitionPenalty",
  "presence-penalty": "presencePenalty",
  "frequency-penalty": "frequencyPenalty",
  "no-repeat-ngram-size": "noRepeatNgramSize",
  beam: "beams",
  "length-penalty": "lengthPenalty",
  seed: "seed",
} as const satisfies Readonly<Record<string, keyof ChatOptions>>;

/** Every setting, by the name that its flag has. */
export const settingNames: readonly string[] = [...Object.keys(numbers), "open-thinking", "system"];

/**
 * Changes a setting; an empty value takes it back to the model's own.
 *
 * @throws {TypeError} if there is no such setting, or its value is of another kind
 * @throws {RangeError} if a number is outside its range
 */
export function changeSetting(session: ChatSession, key: string, value: string): void {
  const name = fullName(key);
  if (name === "system") session.system = value === "" ? undefined : value;
  else if (name === "open-thinking") {
    const on = { on: true, true: true, 1: true, off: false, false: false, 0: false, "": undefined }[value];
    if (on === undefined && value !== "") throw new TypeError(`Cannot set "${key}": "${value}" is neither on nor off`);
    session.options = { ...session.options, openThinking: on };
  } else {
    const number = value === "" ? undefined : Number(value);
    if (Number.isNaN(number)) throw new TypeError(`Cannot set "${key}": "${value}" is not a number`);
    session.options = checkOptions({ ...session.options, [numbers[name]]: number });
  }
}

/** The settings, one a line. */
export function listSettings({ options, system }: ChatSession): string {
  const values = Object.entries(numbers).map(([name, key]) => [name, options[key]] as const);
  const all = [...values, ["open-thinking", options.openThinking], ["system", system]] as const;
  const unset: Readonly<Record<string, string>> = {
    beam: "1, which draws",
    "length-penalty": "0.5",
    seed: "another one each time",
    system: "none",
    "open-thinking": "off",
  };
  return all.map(([name, value]) => `${name.padEnd(20)}  ${value ?? unset[name] ?? "as the model has it"}`).join("\n");
}

/** `temp`, `top_p`, `n` → the name of the flag. */
function fullName(key: string): keyof typeof numbers | "system" | "open-thinking" {
  const word = key.replace(/^-+/, "").replaceAll("_", "-");
  const known = Object.entries(samplingFlags).find(([name, flag]) => {
    return name === word || ("aliases" in flag && flag.aliases.some((alias) => alias === word));
  });
  const name = known?.[0] ?? word;
  if (name in numbers || name === "system" || name === "open-thinking") return name as keyof typeof numbers;
  const meant = nearest(word, settingNames);
  throw new TypeError(
    `Cannot set "${key}": ${meant ? `did you mean ${meant}?` : `there are ${settingNames.join(", ")}`}`,
  );
}
