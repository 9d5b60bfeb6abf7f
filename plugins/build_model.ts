/**
 * From a config to a model: every plugin found, every part made, every joint checked, before any weight is read.
 *
 * @module
 */
import { type ModelConfig, type PartConfig, partOf } from "../core/config.ts";
import type { Decoder } from "../core/decoder.ts";
import { isGraphEncoder, type VisionEncoder } from "../core/encoder.ts";
import { ConfigError } from "../core/errors.ts";
import { createModel, type VisionLanguageModel } from "../core/model.ts";
import type { PlaceholderRule } from "../core/placeholders.ts";
import type { PartKind, Plugin, PluginContext, PluginKinds } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import { checkJoints } from "./check_joints.ts";

/** Where the parts of a config come from. */
export interface BuildOptions {
  /** The plugins that names mean. */
  readonly registry: Registry;
  /** URL of the config: module specifiers in it are relative to it. */
  readonly base: string | URL;
  /** What plugins may use. */
  readonly context: PluginContext;
  /** The id of a token of the model's tokenizer; undefined if it has none of that name. */
  tokenId(token: string): number | undefined;
}

/** A model and the plugins that made its parts. */
export interface BuiltModel {
  /** The model. An encoder that another runtime computes has to be disposed of by the caller. */
  readonly model: VisionLanguageModel;
  /** Who made what. */
  readonly plugins: {
    /** The encoder's. */
    readonly encoder: Plugin<"encoder">;
    /** The projector's. */
    readonly projector: Plugin<"projector">;
    /** The decoder's. */
    readonly decoder: Plugin<"decoder">;
  };
}

/**
 * Makes the model that a config describes. Parts are named one by one: what a preset adds has been added already.
 *
 * @throws {ConfigError} naming the part or option that is missing, unknown or wrong, or the neighbours that do not fit
 */
export async function buildModel(config: ModelConfig, options: BuildOptions): Promise<BuiltModel> {
  const { context } = options;
  const placeholder = markerOf(config, options);
  // Whatever only costs reading comes first: an encoder may take seconds, and a slip elsewhere needs none of it.
  const chosen = {
    encoder: await choose("encoder", config.encoder, options),
    projector: await choose("projector", config.projector, options),
    decoder: await choose("decoder", config.decoder, options),
  };
  const decoder: Decoder = await make(chosen.decoder, context);
  const encoder: VisionEncoder = await make(chosen.encoder, context);
  try {
    const neighbours = { ...context, input: encoder.output, width: decoder.width };
    const projector = await make(chosen.projector, neighbours);
    const rule: PlaceholderRule = { ...placeholder, tokens: projector.output.tokens };
    const model = createModel({ encoder, projector, decoder, placeholder: rule });
    checkJoints(model);
    const { encoder: { plugin: first }, projector: { plugin: second }, decoder: { plugin: third } } = chosen;
    return { model, plugins: { encoder: first, projector: second, decoder: third } };
  } catch (error) {
    if (!isGraphEncoder(encoder)) await encoder[Symbol.asyncDispose]();
    throw error;
  }
}

/** A plugin and its checked options. */
interface Choice<Kind extends PartKind> {
  readonly plugin: Plugin<Kind>;
  readonly options: unknown;
}

/** Finds the plugin that a config names and lets it check its options. */
async function choose<Kind extends PartKind>(
  kind: Kind,
  part: string | PartConfig<Kind> | undefined,
  { registry, base }: BuildOptions,
): Promise<Choice<Kind>> {
  if (part === undefined) throw new ConfigError(`Cannot build a model: the config names no ${kind}`);
  const { use, options = {} } = partOf(part);
  const plugin = await registry.resolve(kind, use, { base });
  return { plugin, options: plugin.parseOptions(options) };
}

async function make<Kind extends PartKind>(
  { plugin, options }: Choice<Kind>,
  context: PluginKinds[Kind]["context"],
): Promise<PluginKinds[Kind]["product"]> {
  const product = await plugin.create(options, context);
  if (typeof product === "object" && product !== null) return product;
  throw new ConfigError(`Cannot use "${plugin.name}" as ${plugin.kind}: it creates ${product}`);
}

/** The placeholder's id and rule; how many stand for an image is the projector's to say. */
function markerOf({ placeholder }: ModelConfig, { tokenId }: BuildOptions): Omit<PlaceholderRule, "tokens"> {
  if (placeholder === undefined) throw new ConfigError("Cannot build a model: the config names no placeholder");
  const marker = tokenId(placeholder.token);
  if (marker === undefined) {
    throw new ConfigError(`Cannot find placeholder "${placeholder.token}": the tokenizer has no such token`);
  }
  return { marker, match: placeholder.match ?? "run" };
}
