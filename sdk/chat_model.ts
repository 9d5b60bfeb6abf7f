/**
 * A loaded model that chats: messages and images in, pieces of text out.
 *
 * @module
 */
import type { Backend, Storages } from "../core/backend.ts";
import type { GenerationConfig } from "../core/config.ts";
import { ConfigError, ContextError } from "../core/errors.ts";
import { createGenerator, type GenerateOptions, type TokenGenerator } from "../core/generate.ts";
import { cacheBytes } from "../core/model_plans.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import type { PromptOptions } from "../core/prompt_tokens.ts";
import type { Tokenizer } from "../core/tokenizer.ts";
import { imageIndex } from "../data/chat/chat_ids.ts";
import { ChatRenderer, type RenderedChat } from "../data/chat/render.ts";
import type { ChatTemplate } from "../data/chat_template.ts";
import type { Preprocessor } from "../data/image/preprocessor.ts";
import type { ImageSource, ReadFile } from "../data/image/source.ts";
import type { FolderFiles } from "../data/model_folder.ts";
import type {
  ChatEvent,
  ChatOptions,
  ChatPart,
  ContentEmbedding,
  Json,
  Message,
  ModelStatistics,
} from "../core/chat_events.ts";
import type { AnswerForm, AnswerFormats, FormatOptions } from "./answer_format.ts";
import { type AnswerOptions, streamAnswer } from "./answer_stream.ts";
import { Clock } from "./clock.ts";
import type { ContentEmbedder } from "./content_embedder.ts";
import type { ImageAttentionReader } from "./image_attention.ts";
import type { EmbedContext, ImageEmbeddings } from "./image_embeddings.ts";
import { mergeEvents } from "./merge_events.ts";
import { offeredTools } from "./tool_calls.ts";
import { imagesOf, templateMessage, textsOfTools } from "./template_messages.ts";

/** What a chat model is made of. */
export interface ChatModelParts {
  /** Name for messages and listings. */
  readonly name: string;
  /** Memory and kernels; ended with the model. */
  readonly backend: Backend;
  /** Encoder, projector, decoder, placeholder. */
  readonly model: VisionLanguageModel;
  /** The model's parameters on the backend. */
  readonly weights: Storages;
  /** Text to ids. */
  readonly tokenizer: Tokenizer;
  /** Messages to text. */
  readonly template: ChatTemplate;
  /** Images to pixels; absent without an encoder. */
  readonly preprocessor?: Preprocessor | undefined;
  /** How answers are drawn when a call does not say. */
  readonly generation: GenerationConfig;
  /** Positions of a KV cache. */
  readonly context: number;
  /** Rows of the KV cache: answers at once, and conversations that keep their place. Default 2. */
  readonly conversations?: number | undefined;
  /** Bytes of image embeddings kept. Default 64 MiB. */
  readonly imageCacheBytes?: number | undefined;
  /** Reads images that are given as paths or URLs. Default: they are refused. */
  readonly readFile?: ReadFile | undefined;
  /** The files that it can be loaded from elsewhere; absent where they are not all of it. */
  readonly files?: FolderFiles | undefined;
}

/**
 * A model ready to answer. Several conversations may go on at once: they take each step together, which is much faster
 * than one after the other, and more than there are `conversations` wait their turn.
 */
export class ChatModel implements AsyncDisposable {
  /** What it is made of. */
  readonly parts: ChatModelParts;
  readonly #renderer: ChatRenderer;
  readonly #generator: TokenGenerator;
  #formats: AnswerFormats | undefined;
  #images: ImageEmbeddings | undefined;
  #embedder: ContentEmbedder | undefined;
  #attention: ImageAttentionReader | undefined;
  #cacheBytes: number | undefined;

  /** Use `loadModel`, which reads a config. */
  constructor(parts: ChatModelParts) {
    const { backend, model, weights, tokenizer, template, context, conversations = 2 } = parts;
    this.parts = parts;
    this.#renderer = new ChatRenderer({ tokenizer, template, placeholder: model.placeholder });
    this.#generator = createGenerator(backend, model, { weights, context, rows: conversations });
  }

  /**
   * Answers the last message. Nothing runs before the first event is asked for.
   *
   * What the messages share with an earlier conversation is not taken in again, and images seen before are not
   * encoded again.
   *
   * @throws {ImageError} if an image cannot be read
   * @throws {ConfigError} if there are images and the model has no encoder
   * @throws {ContextError} if the prompt is longer than the context
   * @throws {RangeError} if an option is out of range: above all more beams than the model has `conversations`, or
   *   `imageAttention` without an image
   * @throws the signal's reason once it is aborted
   *
   * @example
   * ```ts ignore
   * for await (const event of model.chat([{ role: "user", content: "Hello" }])) {
   *   if (event.type === "text-delta") console.log(event.text);
   * }
   * ```
   */
  async *chat(messages: readonly Message[], options: ChatOptions = {}): AsyncGenerator<ChatEvent, void, void> {
    this.#check(options);
    const form = await this.#form(options);
    const clock = new Clock();
    const rendered = this.render(messages, options);
    this.#roomAfter(rendered.ids);
    clock.mark("prefillMs");
    const sources = imagesOf(messages);
    const explain = options.imageAttention === true ? await this.#explainer(sources.length) : undefined;
    const images = await this.#embedAll(sources, { signal: options.signal, clock });
    const index = imageIndex(rendered, this.parts.model.placeholder);
    const prompt = { ids: rendered.ids, images, index };
    yield* this.#answers(prompt, { ...options, form, clock, explain: explain && ((ids) => explain.read(prompt, ids)) });
  }

  /**
   * Goes on with a text, as it stands: no template is printed around it, and the text of a control token is that token.
   * What looks like an image's markers is no image. Options that concern messages do not apply.
   *
   * @throws {ContextError} if the text is longer than the context
   * @throws {RangeError} if the text is empty, or an option is out of range
   * @throws the signal's reason once it is aborted
   */
  async *complete(
    prompt: string | ArrayLike<number>,
    options: ChatOptions = {},
  ): AsyncGenerator<ChatEvent, void, void> {
    this.#check(options);
    if (typeof prompt === "string") this.#checkLength([prompt], "answer: the prompt");
    const ids = typeof prompt === "string" ? this.parts.tokenizer.encode(prompt) : Int32Array.from(prompt);
    const plain = { ...options, tools: undefined, toolChoice: undefined };
    const wanted = { ids, index: new Int32Array(ids.length).fill(-1) };
    yield* this.#answers(wanted, { ...plain, form: await this.#form(plain), clock: new Clock() });
  }

  /**
   * The prompt that messages become: its text, its ids, and where its images are. Images are not looked at.
   *
   * @throws {ConfigError} if the chat template cannot print the messages, or knows nothing of tools and there are some
   * @throws {ContextError} if the messages are so long that their tokens need not be counted
   */
  render(
    messages: readonly Message[],
    options: Pick<ChatOptions, "openThinking" | "tools" | "toolChoice"> = {},
  ): RenderedChat {
    this.#checkLength(messages.map(({ content }) => content), "answer: the prompt");
    const plain = messages.map(templateMessage);
    const { openThinking } = options;
    const render = (tools?: readonly Json[]) => {
      return this.#renderer.render(plain, { openThinking, tools, addGenerationPrompt: true });
    };
    const tools = offeredTools(options);
    const rendered = render(tools);
    if (tools !== undefined && rendered.text === render().text) {
      throw new ConfigError(`Cannot offer tools: the chat template of "${this.parts.name}" does not print them`);
    }
    const dropped = messages.findIndex((message) =>
      textsOfTools(message).some((text) => !rendered.text.includes(text))
    );
    if (dropped < 0) return rendered;
    throw new ConfigError(`Cannot print message ${dropped}: the chat template of "${this.parts.name}" knows no tools`);
  }

  /** Answers at once. */
  get conversations(): number {
    return this.#generator.rows;
  }

  /** @throws {RangeError} for options that no prompt can be answered with */
  #check(options: ChatOptions): void {
    const { beams = 1, n = 1, logprobs = false, topLogprobs, responseFormat, toolChoice } = options;
    const { stop = [], openThinking = false } = options;
    const fail = (problem: string) => new RangeError(`Cannot answer ${problem}`);
    if (beams > this.conversations) {
      throw fail(`with ${beams} beams: the model was loaded for ${this.conversations} conversations`);
    }
    if (!Number.isInteger(n) || n < 1) throw fail(`${n} times: n must be a whole number above 0`);
    if (beams > 1 && n > 1) throw fail(`${n} times with ${beams} beams: a search has one result`);
    const form = responseFormat !== undefined && responseFormat.type !== "text" || typeof toolChoice === "object" ||
      toolChoice === "required";
    if (form && beams > 1) throw fail(`with ${beams} beams: a search holds its result to no form`);
    if (form && stop.length > 0) throw fail("with stop texts: they would cut the form that the answer has to have");
    if (form && openThinking) throw fail("with openThinking: thoughts have not the form that the answer has to have");
    if (topLogprobs !== undefined && !logprobs) throw fail("with topLogprobs: they come with logprobs: true");
  }

  /** The form that options ask for. What knows forms is loaded for the first that do. */
  async #form(options: FormatOptions): Promise<AnswerForm | undefined> {
    const { responseFormat, tools = [], toolChoice = "auto" } = options;
    const free = toolChoice === "auto" || toolChoice === "none";
    if (responseFormat === undefined && tools.length === 0 && free) return undefined;
    const { AnswerFormats } = await import("./answer_format.ts");
    this.#formats ??= new AnswerFormats(this.parts.tokenizer);
    return this.#formats.form(options);
  }

  /**
   * Refuses what is too long in any case before it is printed and cut into tokens, which takes a second for a few
   * megabytes. Templates may leave out the space around a text.
   *
   * @throws {ContextError} if there are more bytes than the longest tokens could hold
   */
  #checkLength(contents: readonly (string | readonly ChatPart[])[], what: string): void {
    const { context, tokenizer } = this.parts;
    const texts = contents.flatMap((content) => {
      return typeof content === "string" ? [content] : content.map((part) => part.type === "text" ? part.text : "");
    });
    const bytes = texts.reduce((sum, text) => sum + text.trim().length, 0); // or more
    if (bytes <= context) return;
    const least = Math.ceil(bytes / tokenizer.longestToken);
    if (least <= context) return;
    throw new ContextError(`Cannot ${what} takes at least ${least} tokens, the context has ${context}`);
  }

  /** Tokens that an answer may have at most. @throws {ContextError} if there is no room for one */
  #roomAfter({ length }: ArrayLike<number>): number {
    const { context } = this.parts;
    if (length < context) return context - length;
    throw new ContextError(`Cannot answer: the prompt takes ${length} tokens, the context has ${context}`);
  }

  /** What comes after a prompt: `n` answers. */
  #answers(prompt: PromptOptions, options: AnswersOptions): AsyncGenerator<ChatEvent, void, void> {
    const { model, tokenizer } = this.parts;
    const { n = 1, stop = [], clock } = options;
    const callsTools = offeredTools(options) !== undefined;
    const usage = {
      promptTokens: prompt.ids.length,
      imageTokens: (prompt.images?.length ?? 0) * model.placeholder.tokens,
    };
    const answers = Array.from({ length: n }, (_, index) => {
      const wanted = this.#wanted(prompt, options, index);
      const { stopIds = [] } = wanted;
      const { form, constraint } = options.form?.hold(stopIds) ?? {};
      return streamAnswer(this.#generator, {
        ...{ index, prompt: { ...wanted, constraint }, tokenizer, form, stop, callsTools, usage },
        explain: options.explain,
        clock: clock.fork(),
      });
    });
    return n === 1 ? answers[0]! : mergeEvents(answers);
  }

  /**
   * What tells where in so many images an answer looked, loaded for the first answer that is to tell.
   *
   * @throws {RangeError} if there are none, or their tokens make no grid
   */
  async #explainer(images: number): Promise<ImageAttentionReader> {
    if (images === 0) throw new RangeError("Cannot answer with imageAttention: there are no images");
    const { ImageAttentionReader } = await import("./image_attention.ts");
    return this.#attention ??= new ImageAttentionReader(this.parts);
  }

  /** What the generator is asked for. */
  #wanted(prompt: PromptOptions, options: AnswersOptions, index: number): GenerateOptions {
    const { tokenizer: { control: { eos } }, generation } = this.parts;
    const { signal, beams = 1, lengthPenalty, logprobs = false, topLogprobs = 0 } = options;
    const { maxNewTokens = generation.maxNewTokens ?? 512, minTokens, ignoreEos = false } = options;
    const sampling = { ...generation, ...defined(options) };
    const room = this.#roomAfter(prompt.ids);
    const most = Math.min(maxNewTokens, room);
    const { need = 0 } = options.form ?? {};
    if (need > most) {
      const problem = `Cannot answer in ${most} tokens: the shortest answer of its form takes up to ${need}`;
      throw need > room ? new ContextError(problem) : new RangeError(problem);
    }
    return {
      ...prompt,
      ...beams === 1
        ? { sampling: { ...sampling, seed: ((sampling.seed ?? 0) + index) | 0 } }
        : { beams: { count: beams, lengthPenalty } },
      maxNewTokens: most,
      minTokens: ignoreEos ? Infinity : minTokens,
      topLogprobs: logprobs ? topLogprobs : undefined,
      stopIds: eos === undefined ? [] : [eos.id],
      signal,
    };
  }

  /** Image embeddings `[N,D]` of a file, from the cache if it was seen before. */
  async embedImage(
    source: ImageSource,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array> {
    const [embeddings] = await this.#embedAll([source], { signal: options.signal, clock: new Clock() });
    return embeddings!;
  }

  /**
   * What the model makes of a text, of an image, or of both in order, as numbers `[D]`: the mean of the decoder's last
   * hidden states, of length 1. Nothing is printed around them, and what looks like a control token is text.
   *
   * @throws {ContextError} if there are more tokens than the context has
   * @throws {RangeError} if there are none
   * @throws {ImageError} if an image cannot be read
   * @throws {ConfigError} if there are images and the model has no encoder
   */
  async embed(
    content: string | readonly ChatPart[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ContentEmbedding> {
    this.#checkLength([content], "embed: the content");
    const { ContentEmbedder } = await import("./content_embedder.ts");
    const embedder = this.#embedder ??= new ContentEmbedder(this.parts);
    const context = { signal: options.signal, clock: new Clock() };
    return await embedder.embed(content, (sources) => this.#embedAll(sources, context));
  }

  /** What has been computed and kept so far. */
  get statistics(): ModelStatistics {
    const { encoded, reused } = this.#images?.counts ?? { encoded: 0, reused: 0 };
    const { model, context } = this.parts;
    this.#cacheBytes ??= cacheBytes(model, { capacity: context, rows: this.conversations });
    return {
      imagesEncoded: encoded,
      imagesReused: reused,
      imageCacheBytes: this.#images?.bytes ?? 0,
      cacheBytes: this.#cacheBytes,
    };
  }

  /** Frees everything, the backend included. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#generator[Symbol.dispose]();
    this.#images?.[Symbol.dispose]();
    this.#embedder?.[Symbol.dispose]();
    this.#attention?.[Symbol.dispose]();
    const { encoder } = this.parts.model;
    if (encoder !== undefined && Symbol.asyncDispose in encoder) await encoder[Symbol.asyncDispose]();
    await this.parts.backend[Symbol.asyncDispose]();
  }

  /** Embeddings of images. What looks at images is loaded for the first one. */
  async #embedAll(sources: readonly ImageSource[], context: EmbedContext): Promise<Float32Array[]> {
    if (sources.length === 0) return [];
    const { ImageEmbeddings } = await import("./image_embeddings.ts");
    this.#images ??= new ImageEmbeddings(this.parts);
    return await this.#images.all(sources, context);
  }
}

/** How a prompt is answered. */
interface AnswersOptions extends ChatOptions {
  /** The form it has to have; absent where any will do. */
  readonly form: AnswerForm | undefined;
  /** Tells where an answer looked. Default: it is not told. */
  readonly explain?: AnswerOptions["explain"];
  readonly clock: Clock;
}

/** Options that are given; an undefined one must not hide a default. */
function defined(options: ChatOptions): ChatOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
