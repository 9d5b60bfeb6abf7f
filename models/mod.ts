/**
 * The released models by name: what they are made of and where their files are.
 *
 * @module
 */
import { type ModelConfig, parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import minimind2SmallV from "./minimind2-small-v.json" with { type: "json" };
import minimind2V from "./minimind2-v.json" with { type: "json" };
import minimind3V from "./minimind-3v.json" with { type: "json" };
import minimind3VMoe from "./minimind-3v-moe.json" with { type: "json" };

/** What is known of a remote file beforehand. */
export interface PresetFile {
  /** Bytes. */
  readonly size: number;
  /** SHA-256 in lower-case hexadecimal. */
  readonly sha256: string;
}

/** A released model. */
export interface Preset {
  /** Its name in lower case. */
  readonly name: string;
  /** One line for listings. */
  readonly description: string;
  /** Parameters of projector and decoder, shared ones counted once. */
  readonly parameters: number;
  /** Terms of its weights. */
  readonly license: string;
  /** Its parts, and the names of their files on the hub. */
  readonly config: ModelConfig;
  /** Sizes and checksums by file name, of the files whose revision is fixed and whose content is known. */
  readonly files: ReadonlyMap<string, PresetFile>;
}

/** A preset's JSON file: a config, and what else there is to say. */
interface PresetJson {
  readonly description: string;
  readonly parameters: number;
  readonly license: string;
  readonly files: Readonly<Record<string, PresetFile>>;
}

/** Every released model by name. */
export const presets: ReadonlyMap<string, Preset> = new Map([
  preset("minimind2-small-v", minimind2SmallV),
  preset("minimind2-v", minimind2V),
  preset("minimind-3v", minimind3V),
  preset("minimind-3v-moe", minimind3VMoe),
]);

/**
 * The released model of a name. Case, hyphens, underscores and upstream's account in front do not matter:
 * `jingyaogong/MiniMind2-Small-V` is `minimind2-small-v`.
 *
 * @throws {ConfigError} if there is none, naming the nearest and all that there are
 */
export function findPreset(name: string): Preset {
  const wanted = letters(name);
  const all = [...presets.values()];
  const found = all.find((preset) => letters(preset.name) === wanted);
  if (found !== undefined) return found;
  const ranked = all
    .map((preset) => ({ name: preset.name, likeness: likeness(letters(preset.name), wanted) }))
    .sort((a, b) => b.likeness - a.likeness);
  const hint = ranked[0]!.likeness > 0.6 ? `did you mean ${ranked[0]!.name}? ` : "";
  const released = [...presets.keys()].join(", ");
  throw new ConfigError(`Cannot find model "${name}": ${hint}it is no file or folder, and released are ${released}`);
}

function preset(name: string, json: PresetJson): [string, Preset] {
  const { description, parameters, license, files, ...config } = json;
  const known = new Map(Object.entries(files));
  return [name, { name, description, parameters, license, config: parseConfig(config, name), files: known }];
}

function letters(name: string): string {
  return name.toLowerCase().replace(/^(jingyaogong|gongjy)\//, "").replace(/[^a-z0-9]/g, "");
}

/** Share of pairs of neighbouring letters that two words have in common, 0 to 1 (Dice 1945). */
function likeness(a: string, b: string): number {
  const pairs = (word: string) => new Set(Array.from(word).slice(1).map((letter, i) => word[i] + letter));
  const [left, right] = [pairs(a), pairs(b)];
  const shared = [...left].filter((pair) => right.has(pair));
  return 2 * shared.length / (left.size + right.size || 1);
}
