/**
 * Hugging Face's `generation_config.json`: how a model wants to be sampled.
 *
 * @module
 */
import type { GenerationConfig } from "../core/config.ts";
import { Fields } from "../core/fields.ts";

/** Names there, and ours. */
const names = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
  max_new_tokens: "maxNewTokens",
} as const;

/**
 * The settings that the file says something about; undefined if none. `do_sample: false` means temperature 0.
 *
 * @throws {ConfigError} naming a setting that is not a number of 0 or more
 */
export function parseGenerationConfig(document: unknown): GenerationConfig | undefined {
  const fields = new Fields(document, "generation_config.json");
  const settings: Record<string, number> = {};
  for (const [key, name] of Object.entries(names)) {
    if (fields.has(key)) settings[name] = fields.number(key, 0, { orZero: true });
  }
  if (fields.has("do_sample") && !fields.boolean("do_sample", true)) settings["temperature"] = 0;
  return Object.keys(settings).length === 0 ? undefined : settings;
}

/** The document that says the same. */
export function formatGenerationConfig(settings: GenerationConfig): Record<string, number> {
  const entries = Object.entries(names).map(([key, name]) => [key, settings[name]]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
