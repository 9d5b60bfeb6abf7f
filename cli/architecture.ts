/**
 * The parts of a model by its name, without its weights: released models need no download for it.
 *
 * @module
 */
import type { ModelConfig } from "../core/config.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import type { WantedFile } from "../data/hub/mod.ts";
import { buildModel, createRegistry } from "../plugins/mod.ts";
import { openFiles } from "../sdk/files.ts";
import { findModel, type ModelSource } from "../sdk/model_source.ts";
import { openHub } from "./hub_flags.ts";
import type { ModelFlagValues, ModelRequest } from "./model_flags.ts";
import { note } from "./terminal.ts";

/** A model without its weights. */
export interface Architecture {
  /** Name for messages. */
  readonly name: string;
  /** Its parts. */
  readonly model: VisionLanguageModel;
  /** Its config, complete. */
  readonly config: ModelConfig;
  /** Sizes of its remote files, as far as they are known. */
  readonly files: readonly WantedFile[];
}

/** Longest context unless the config says otherwise, as in the library. */
const defaultContext = 2048;

/**
 * Makes the parts of a model. A checkpoint's header is read, its weights are not. The placeholder's id is not looked
 * up, since nothing is tokenised: prompts are made of any ids.
 *
 * @throws {ConfigError} naming what the config lacks or has wrong
 */
export async function buildArchitecture(
  { config: given, base }: ModelRequest,
  flags: ModelFlagValues,
): Promise<Architecture> {
  using files = openFiles({ base, hub: () => openHub(flags) });
  const whole: ModelSource = { name: "custom", config: {}, sources: new Map(), files: [] };
  const source = given.model === undefined ? whole : await findModel(given.model, files);
  const config: ModelConfig = { ...source.config, ...given };
  const context = { readFile: (path: string) => files.read(path), notice: note };
  const { model } = await buildModel(config, { registry: createRegistry(), base, context, tokenId: () => 0 });
  return { name: source.name, model, config, files: source.files };
}

/** Positions of the KV cache that a model gets. */
export function contextOf({ config, model }: Pick<Architecture, "config" | "model">): number {
  return Math.min(config.context ?? defaultContext, model.decoder.maxPositions);
}
