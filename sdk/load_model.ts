/**
 * From a config to a model that chats.
 *
 * @module
 */
import type { Backend } from "../core/backend.ts";
import { adaptersOf, type ModelConfig, parseConfig, partOf } from "../core/config.ts";
import { isGraphEncoder, type VisionEncoder } from "../core/encoder.ts";
import { ConfigError } from "../core/errors.ts";
import { globPattern } from "../core/glob.ts";
import { bindModel, planParameters } from "../core/model_plans.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import type { Notes } from "../core/notes.ts";
import type { Plugin, PluginContext } from "../core/plugin.ts";
import type { Registry } from "../core/registry.ts";
import type { Tokenizer } from "../core/tokenizer.ts";
import type { TensorSource } from "../core/weights.ts";
import { ChatTemplate, parseChatTemplate } from "../data/chat_template.ts";
import { modelTensors, openCheckpoint } from "../data/checkpoint.ts";
import type { WantedFile } from "../data/hub/mod.ts";
import { clipPreprocessor, type Preprocessor, siglipPreprocessor } from "../data/image/preprocessor.ts";
import type { ReadFile } from "../data/image/source.ts";
import { type LoadedPart, summariseLoad } from "../data/load_summary.ts";
import type { FolderFiles } from "../data/model_folder.ts";
import { isShardIndex, parseShardIndex } from "../data/shard_index.ts";
import { parseTokenizer } from "../data/tokenizer/parse_tokenizer.ts";
import { buildModel, createRegistry } from "../plugins/mod.ts";
import type { AddAdaptersOptions } from "./add_adapters.ts";
import { ChatModel } from "./chat_model.ts";
import { workingDirectory } from "./file_system.ts";
import { type Files, type FilesOptions, openFiles } from "./files.ts";
import { partFinder } from "./model_parts.ts";
import { encoderLabel, findModel, type ModelSource, shortName, type TokenizerTexts } from "./model_source.ts";
import { cacheNotes, storeNotes } from "./notes.ts";

/** Options of {@link loadModel}. */
export interface LoadOptions extends Partial<FilesOptions> {
  /** Plugins that the config may name. Default the built-in ones. */
  readonly registry?: Registry | undefined;
  /** Told about anything that is missing here and slows things down. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** Told what is done, in a few words. */
  readonly onStage?: ((stage: string) => void) | undefined;
  /** Told what was found of each part, before it is copied to the backend; `formatLoad` makes a line of it. */
  readonly onLoaded?: ((loaded: readonly LoadedPart[]) => void) | undefined;
  /** Parameters that no file has to have, `*` for any characters: `["vision_proj.*"]`; zeros then. Default none. */
  readonly allowMissing?: readonly string[] | undefined;
  /**
   * Parameters that are taken from no file, whatever the files have and of whatever shape; zeros then, for whoever gives
   * them other values. Default none.
   */
  readonly fresh?: readonly string[] | undefined;
  /** Rows of the KV cache: answers at once, and conversations that keep their place. Default 2. */
  readonly conversations?: number | undefined;
  /** The model's folder, where no name leads to it, a browser's storage for instance; the config names no model then. */
  readonly folder?: FolderFiles | undefined;
  /** Reads images that messages give as paths or URLs. Default: they are refused. */
  readonly readImage?: ReadFile | undefined;
  /**
   * Where backend `auto` remembers what it measured. Default in the hub's store; without a hub in the runtime's `caches`,
   * which pages and Deno have.
   */
  readonly notes?: Notes | undefined;
}

/** Default length of a KV cache. */
const defaultContext = 2048;

/**
 * Loads a model: a released one by name, a folder, a checkpoint, `random` (a tiny one with random weights, for trying
 * things without a file), or a config that names the parts.
 *
 * Everything that only costs reading is checked before a weight is read. LoRA adapters that the config names are added
 * to the weights, so that they cost nothing afterwards.
 *
 * @throws {ConfigError} naming what the config lacks or has wrong
 * @throws {WeightError} listing the tensors that are missing, unexpected or mis-shaped, or naming an adapter that does
 *   not fit
 * @throws {HubError} if a file cannot be downloaded
 * @throws the signal's reason once it is aborted
 *
 * @example
 * ```ts ignore
 * await using model = await loadModel({ model: "minimind-3v", backend: "wasm" });
 * for await (const event of model.chat([{ role: "user", content: "你好" }])) console.log(event);
 * ```
 */
export async function loadModel(input: string | ModelConfig, options: LoadOptions = {}): Promise<ChatModel> {
  const { signal, registry = createRegistry(), onNotice = () => {} } = options;
  const base = options.base ?? defaultBase();
  using files = openFiles({ ...options, base });
  const given = parseConfig(typeof input === "string" ? { model: input } : input);
  signal?.throwIfAborted();

  options.onStage?.("reading");
  const { hub, notes = hub === undefined ? cacheNotes() : storeNotes(async () => (await hub()).store) } = options;
  const context: PluginContext = { readFile: (path) => files.read(path), notice: onNotice, notes };
  // Kernels compile and threads start while files are read.
  const making = createBackend(given.backend ?? "wasm", { registry, base, context });
  making.catch(() => {}); // its error is thrown when the backend is needed, unless another one comes first
  try {
    return await loadOnto(making, given, { ...options, files, registry, base, context });
  } catch (error) {
    await making.then((backend) => backend[Symbol.asyncDispose](), () => {});
    throw error;
  }
}

/** What a model is loaded with. */
interface LoadContext extends Omit<LoadOptions, "base" | "registry"> {
  readonly files: Files;
  readonly registry: Registry;
  readonly base: URL;
  readonly context: PluginContext;
}

async function loadOnto(making: Promise<Backend>, given: ModelConfig, options: LoadContext): Promise<ChatModel> {
  const { files, signal, onStage = () => {} } = options;
  const source = await findSource(given, options);
  refuseLanguageModel(source, options);
  const config = { ...defined(source.config), ...defined(given) };
  const adapters = [...adaptersOf(source.config), ...adaptersOf(given)];
  await files.prefetch([...wantedFiles(config, source), ...adapters.map(({ file }) => ({ name: file }))]);
  const texts = config.tokenizer === undefined ? source.tokenizer : await readTokenizer(config.tokenizer, files);
  if (texts === undefined) throw new ConfigError("Cannot load a model: the config names no tokenizer");
  const tokenizer = await parseTokenizer(texts);
  const template = texts.template === undefined
    ? await parseChatTemplate(texts.config)
    : await ChatTemplate.compile(texts.template, specialTexts(tokenizer));
  const { model } = await buildModel(config, { ...options, tokenId: (token) => idOf(tokenizer, token) });
  // Workers make room for the weights while the rest is read and checked.
  const bytes = planParameters(model).parameterBytes;
  making.then((backend) => backend.reserve?.(bytes), () => {});
  try {
    const plain = keptSources(source, given);
    for (const name of weightNames(config)) plain.set(name, await readWeights(name, files));
    if (source.random) {
      const { randomWeights } = await import("./random_model.ts");
      plain.set("random numbers", randomWeights(model, plain.values()));
    }
    const sources = without(await withAdapters(plain, { adapters, files, model }), options.fresh);
    const context = contextOf(config, { given, model });
    signal?.throwIfAborted();
    onStage("loading");
    const backend = await making;
    const weights = bindModel(backend, model, {
      sources: [...sources.values()],
      allowMissing: absentPatterns(options),
      onNotice: options.onNotice,
      onOrigins: options.onLoaded && ((origins) => {
        const labels = new Map([...sources].map(([label, source]) => [source, shortName(label)]));
        options.onLoaded!(summariseLoad(origins, { labels, partOf: partFinder(model) }));
      }),
    });
    return new ChatModel({
      name: source.name,
      backend,
      model,
      weights,
      tokenizer,
      template,
      preprocessor: await preprocessorOf(model.encoder, given.encoder === undefined ? source.preprocessor : undefined),
      generation: config.generation ?? {},
      context,
      conversations: options.conversations,
      readFile: options.readImage,
      files: wholeFolder(source, { given, config, adapters, fresh: absentPatterns(options) }),
    });
  } catch (error) {
    const { encoder } = model;
    if (encoder !== undefined && !isGraphEncoder(encoder)) await encoder[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws {ConfigError} if there is a folder and a name */
async function findSource({ model }: ModelConfig, { folder, files }: LoadContext): Promise<ModelSource> {
  if (folder === undefined) return model === undefined ? namedParts : await findModel(model, files);
  if (model === undefined) return await (await import("./folder_source.ts")).openFolder(folder.name ?? "model", folder);
  throw new ConfigError(`Cannot load "${model}": a folder is given, so the config must not name a model`);
}

/**
 * The files that a model can be loaded from elsewhere: those of its folder, unless something beside them made it what it
 * is.
 */
function wholeFolder(
  { folder }: ModelSource,
  { given, config, adapters, fresh }: {
    readonly given: ModelConfig;
    readonly config: ModelConfig;
    readonly adapters: readonly unknown[];
    readonly fresh: readonly string[];
  },
): FolderFiles | undefined {
  const parts = [given.encoder, given.projector, given.decoder, given.tokenizer, given.weights];
  const alone = parts.every((part) => part === undefined) && adapters.length === 0 && fresh.length === 0;
  return alone && weightNames(config).length === 0 ? folder : undefined;
}

/** Parameters that the files may lack, or are not asked for. */
function absentPatterns({ allowMissing = [], fresh = [] }: LoadContext): string[] {
  return [...allowMissing, ...fresh];
}

/** Sources without what is not taken from them. Checkpoints name an encoder's tensors with or without their prefix. */
function without(
  sources: ReadonlyMap<string, TensorSource>,
  fresh: readonly string[] = [],
): Map<string, TensorSource> {
  if (fresh.length === 0) return new Map(sources);
  const patterns = fresh.map(globPattern);
  const taken = ([name]: [string, unknown]) =>
    !patterns.some((pattern) => pattern.test(name) || pattern.test(`vision_model.${name}`));
  return new Map([...sources].map(([label, source]) => [label, new Map([...source].filter(taken))]));
}

/** Sources with adapters added. */
async function withAdapters(
  sources: ReadonlyMap<string, TensorSource>,
  options: AddAdaptersOptions,
): Promise<ReadonlyMap<string, TensorSource>> {
  if (options.adapters.length === 0) return sources;
  const { addAdapters } = await import("./add_adapters.ts");
  return await addAdapters(sources, options);
}

/** Images need a projector, unless the caller has one in mind. */
function refuseLanguageModel({ name, languageModel }: ModelSource, options: LoadContext): void {
  if (!languageModel || absentPatterns(options).some((pattern) => globPattern(pattern).test("vision_proj."))) return;
  const hint = 'allow "vision_proj.*" to be missing to use it all the same';
  throw new ConfigError(`Cannot load "${name}": it is a language model without a projector for images; ${hint}`);
}

/** Length of a KV cache; one that the user asks for is not cut to what the decoder has. */
function contextOf(
  { context = defaultContext }: ModelConfig,
  { given, model: { decoder } }: { readonly given: ModelConfig; readonly model: VisionLanguageModel },
): number {
  const { name, maxPositions } = decoder;
  if ((given.context ?? 0) > maxPositions) {
    throw new ConfigError(`Cannot use a context of ${given.context}: "${name}" has ${maxPositions} positions`);
  }
  return Math.min(context, maxPositions);
}

/** A config that names all its parts itself. */
const namedParts: ModelSource = { name: "custom", config: {}, sources: new Map(), files: [] };

function defined(config: ModelConfig): ModelConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** Relative names start from the working directory, or in a page from its address. */
function defaultBase(): URL {
  const { location } = globalThis as { location?: { href: string } };
  const folder = workingDirectory();
  if (folder === undefined) return new URL(location?.href ?? "file:///");
  return new URL(`file://${encodeURI(folder.replaceAll("\\", "/").replace(/^([^/])/, "/$1"))}/`);
}

/** Weights that came with the model, without those that the user's config replaces. */
function keptSources({ name, config, sources }: ModelSource, given: ModelConfig): Map<string, TensorSource> {
  const kept = new Map(sources);
  if (given.weights !== undefined) kept.delete(name);
  if (given.encoder !== undefined) {
    const { use, weights } = partOf(given.encoder);
    const own = config.encoder === undefined ? undefined : partOf(config.encoder).use;
    if (use !== own || weights !== undefined) kept.delete(encoderLabel(name));
  }
  return kept;
}

/** Weight files of decoder and projector, then of parts that have their own. */
function weightNames(config: ModelConfig): string[] {
  const parts = [config.encoder, config.projector, config.decoder].flatMap((part) => part ?? []).map((part) => {
    return typeof part === "string" ? undefined : part.weights;
  });
  return [config.weights, ...parts].flatMap((names) => names ?? []);
}

function wantedFiles(config: ModelConfig, { files }: ModelSource): WantedFile[] {
  const names = weightNames(config);
  const { tokenizer } = config;
  const documents = tokenizer === undefined ? [] : tokenizerFiles.map((file) => ({
    name: `${tokenizer}/${file}`,
    optional: file === templateFile,
  }));
  return [...documents, ...names.map((name) => files.find((file) => file.name === name) ?? { name })];
}

const templateFile = "chat_template.jinja";
const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json", templateFile];

async function readTokenizer(folder: string, files: Files): Promise<TokenizerTexts> {
  const text = async (file: string) =>
    new TextDecoder().decode(await files.read(`${folder.replace(/\/$/, "")}/${file}`));
  const config = await text("tokenizer_config.json");
  const inside = "chat_template" in (JSON.parse(config) as object);
  return { tokenizer: await text("tokenizer.json"), config, template: inside ? undefined : await text(templateFile) };
}

/** A checkpoint of one file, or of shards with their index. */
async function readWeights(name: string, files: Files): Promise<TensorSource> {
  const bytes = await files.open(name);
  const all = [{ name, bytes }];
  if (isShardIndex(bytes.read(0, Math.min(64, bytes.length)))) {
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    const index = parseShardIndex(bytes.read(0, bytes.length), name);
    const shards = [...new Set(index.values())].map((shard) => folder + shard);
    await files.prefetch(shards.map((name) => ({ name })));
    for (const shard of shards) all.push({ name: shard, bytes: await files.open(shard) });
  }
  // What came from the hub was checked against a stronger sum when it came.
  return modelTensors(await openCheckpoint(all, { checksums: !name.startsWith("hf:") }));
}

async function createBackend(
  part: NonNullable<ModelConfig["backend"]>,
  { registry, base, context }: { registry: Registry; base: URL; context: PluginContext },
): Promise<Backend> {
  const { use, options = {} } = partOf(part);
  const plugin: Plugin<"backend"> = await registry.resolve("backend", use, { base });
  return await plugin.create(plugin.parseOptions(options), context);
}

/** The one id of a token, whether it was added or is a word of the vocabulary. */
function idOf(tokenizer: Tokenizer, token: string): number | undefined {
  const ids = tokenizer.encode(token);
  return ids.length === 1 ? ids[0] : undefined;
}

async function preprocessorOf(encoder: VisionEncoder | undefined, config: unknown): Promise<Preprocessor | undefined> {
  if (encoder === undefined) return undefined;
  if (config !== undefined) return (await import("../data/image/preprocessor_config.ts")).parsePreprocessor(config);
  const { pixels } = encoder;
  const make = pixels.fit === "stretch" ? siglipPreprocessor : clipPreprocessor;
  return make(pixels, { filter: pixels.filter });
}

function specialTexts({ control }: Tokenizer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(control).flatMap(([key, token]) => token ? [[`${key}_token`, token.text]] : []),
  );
}
