/**
 * The renderer of a model whose weights are not needed.
 *
 * @module
 */
import { partOf } from "../../core/config.ts";
import { isGraphEncoder } from "../../core/encoder.ts";
import type { Tokenizer } from "../../core/tokenizer.ts";
import { ChatRenderer } from "../../data/chat/mod.ts";
import { ChatTemplate, parseChatTemplate } from "../../data/chat_template.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";
import { buildModel, createRegistry } from "../../plugins/mod.ts";
import { type Files, openFiles } from "../../sdk/files.ts";
import { findModel, type TokenizerTexts } from "../../sdk/model_source.ts";
import { randomModelTokenizer } from "../../sdk/random_model.ts";
import { type HubFlagValues, openHub } from "../hub_flags.ts";
import { folderUrl } from "../model_flags.ts";

/** What conversations are rendered with. */
export interface OpenedRenderer {
  /** Whose it is; undefined for the byte tokenizer that stands in where nothing is named. */
  readonly name: string | undefined;
  /** Text to ids. */
  readonly tokenizer: Tokenizer;
  /** Conversations to ids. */
  readonly renderer: ChatRenderer;
  /** Generation of the data set's class: 2 never varies its rows. */
  readonly generation: 2 | 3;
}

/** Flags that name a model or a tokenizer. */
export interface RendererFlagValues extends HubFlagValues {
  /** A model. */
  readonly model: string | undefined;
  /** A folder with a tokenizer. */
  readonly tokenizer: string | undefined;
}

/**
 * Opens the tokenizer of a model, or of a folder; of the latter the markers of images are told by its tokens.
 *
 * @throws {TypeError} if both are named
 * @throws {ConfigError} if a file cannot be read
 */
export async function openRenderer(flags: RendererFlagValues): Promise<OpenedRenderer> {
  const { model, tokenizer } = flags;
  if (model !== undefined && tokenizer !== undefined) {
    throw new TypeError("Cannot use both --model and --tokenizer: name one of them");
  }
  const base = folderUrl(Deno.cwd());
  const files = openFiles({ base, hub: () => openHub(flags) });
  if (model !== undefined) return await ofModel(model, files, base);
  if (tokenizer !== undefined) return await ofTexts(tokenizer, await readTexts(tokenizer, files));
  return await ofTexts(undefined, randomModelTokenizer());
}

async function ofModel(name: string, files: Files, base: URL): Promise<OpenedRenderer> {
  const source = await findModel(name, files);
  const { config } = source;
  const texts = config.tokenizer === undefined ? source.tokenizer : await readTexts(config.tokenizer, files);
  if (texts === undefined) throw new TypeError(`Cannot read the tokenizer of "${name}": it has none`);
  const tokenizer = await parseTokenizer(texts);
  const context = { readFile: (path: string) => files.read(path), notice: () => {} };
  const tokenId = (token: string) => {
    const ids = tokenizer.encode(token);
    return ids.length === 1 ? ids[0] : undefined;
  };
  const { model } = await buildModel(config, { registry: createRegistry(), base, context, tokenId });
  if (model.encoder !== undefined && !isGraphEncoder(model.encoder)) await model.encoder[Symbol.asyncDispose]();
  const options = config.decoder === undefined ? {} : partOf(config.decoder).options ?? {};
  const generation = (options as { readonly generation?: unknown }).generation === 2 ? 2 : 3;
  const { placeholder } = model;
  const labels = generation === 2 ? "token" as const : "newline" as const;
  const template = await templateOf(texts, tokenizer);
  return { name, tokenizer, renderer: new ChatRenderer({ tokenizer, template, placeholder, labels }), generation };
}

/** minimind-3v's tokenizer has a token for images; MiniMind2-V writes `@`. */
async function ofTexts(name: string | undefined, texts: TokenizerTexts): Promise<OpenedRenderer> {
  const tokenizer = await parseTokenizer(texts);
  const pad = tokenizer.addedTokens.get("<|image_pad|>");
  const generation = pad === undefined ? 2 : 3;
  const renderer = new ChatRenderer({
    tokenizer,
    template: await templateOf(texts, tokenizer),
    placeholder: pad === undefined
      ? { marker: tokenizer.encode("@")[0]!, tokens: 196 }
      : { marker: pad.id, tokens: 64 },
    labels: generation === 2 ? "token" : "newline",
  });
  return { name, tokenizer, renderer, generation };
}

async function templateOf(texts: TokenizerTexts, { control }: Tokenizer): Promise<ChatTemplate> {
  if (texts.template === undefined) return await parseChatTemplate(texts.config);
  const tokens = Object.entries(control).flatMap(([key, token]) => token ? [[`${key}_token`, token.text]] : []);
  return await ChatTemplate.compile(texts.template, Object.fromEntries(tokens));
}

async function readTexts(folder: string, files: Files): Promise<TokenizerTexts> {
  const read = async (file: string) =>
    new TextDecoder().decode(await files.read(`${folder.replace(/\/$/, "")}/${file}`));
  const config = await read("tokenizer_config.json");
  const inside = "chat_template" in (JSON.parse(config) as object);
  const template = inside ? undefined : await read("chat_template.jinja");
  return { tokenizer: await read("tokenizer.json"), config, template };
}
