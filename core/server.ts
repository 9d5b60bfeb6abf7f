/**
 * The contract of a server: loaded models in, a Web-standard `fetch` out. The runtime listens; the server answers.
 *
 * @module
 */
import type { ChatEvent, ChatOptions, ChatPart, ContentEmbedding, Message, ModelStatistics } from "./chat_events.ts";
import type { GenerationConfig } from "./config.ts";
import type { VisionLanguageModel } from "./model.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A loaded model, as far as a server has to know it. `ChatModel` is one. */
export interface ServedModel {
  /** What it is made of. */
  readonly parts: {
    /** Name for messages and listings. */
    readonly name: string;
    /** Encoder, projector, decoder, placeholder. */
    readonly model: VisionLanguageModel;
    /** Text to ids. */
    readonly tokenizer: Tokenizer;
    /** Messages to text. */
    readonly template: { readonly source: string };
    /** How answers are drawn when a request does not say. */
    readonly generation: GenerationConfig;
    /** Positions of the KV cache: prompt and answer together. */
    readonly context: number;
    /** The files that it can be loaded from elsewhere, in a page for instance. Default: there are no such files. */
    readonly files?: {
      /** Their names. */
      list(): Promise<readonly string[]>;
      /** The content of one. */
      read(name: string): Promise<Uint8Array>;
    } | undefined;
  };
  /** Answers at once. */
  readonly conversations: number;
  /** What it has computed and keeps. */
  readonly statistics: ModelStatistics;
  /** Answers the last message. */
  chat(messages: readonly Message[], options?: ChatOptions): AsyncIterable<ChatEvent>;
  /** Goes on with a text or its ids. */
  complete(prompt: string | ArrayLike<number>, options?: ChatOptions): AsyncIterable<ChatEvent>;
  /** What it makes of a content, as numbers. */
  embed(
    content: string | readonly ChatPart[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ContentEmbedding>;
  /** The prompt that messages become. */
  render(
    messages: readonly Message[],
    options?: Pick<ChatOptions, "openThinking" | "tools" | "toolChoice">,
  ): { readonly text: string; readonly ids: Int32Array };
}

/** A server. Disposing lets the answers under way end and takes no new ones. */
export interface Server extends AsyncDisposable {
  /** Answers one request. */
  fetch(request: Request): Promise<Response>;
  /**
   * Serves a model under a name, by default its own, in place of the one that has the name. Answers under way end with
   * the model they began with: resolves once they have, to the model that is no longer needed. Models are not disposed of.
   */
  put(model: ServedModel, name?: string): Promise<ServedModel | undefined>;
}
