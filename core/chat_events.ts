/**
 * What a chat takes and gives.
 *
 * @module
 */
import type { GenerationConfig } from "./config.ts";

/** Who speaks. */
export type Role = "system" | "user" | "assistant" | "tool";

/** A value that JSON can write. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An image file: its bytes, a data URI, or what the model's `readFile` understands. */
export type ImageSource = Uint8Array | ArrayBuffer | Blob | string;

/**
 * Reads what a text names, a path for instance. `Deno.readFile` and Node's `readFile` are such functions.
 *
 * Bytes above `maxBytes` are refused anyway, so it may stop there.
 */
export type ReadFile = (
  path: string,
  options: { readonly signal?: AbortSignal; readonly maxBytes: number },
) => Promise<Uint8Array>;

/** A piece of a message. */
export type ChatPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly image: ImageSource };

/** What a model makes of a content. */
export interface ContentEmbedding {
  /** Numbers `[D]`, of length 1 together. */
  readonly values: Float32Array;
  /** Tokens that the content took, images included. */
  readonly tokens: number;
}

/** What a model has computed and keeps. */
export interface ModelStatistics {
  /** Images that were encoded. */
  readonly imagesEncoded: number;
  /** Images that were not, because their embeddings were kept. */
  readonly imagesReused: number;
  /** Bytes of the image embeddings that are kept. */
  readonly imageCacheBytes: number;
  /** Bytes of the KV cache. */
  readonly cacheBytes: number;
}

/** A call of a tool. */
export interface ToolCall {
  /** Tells it from others; what the tool says names it. */
  readonly id: string;
  /** The tool's name. */
  readonly name: string;
  /** What it is called with, as JSON. */
  readonly arguments: string;
}

/** One message of a conversation. */
export interface Message {
  /** Who speaks. */
  readonly role: Role;
  /** Text, or text and images in order. A string is all text: `<image>` in it is no image. */
  readonly content: string | readonly ChatPart[];
  /** What an assistant thought before it answered, where the chat template knows of it. Default nothing. */
  readonly thoughts?: string | undefined;
  /** Tools that an assistant called. Default none. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** The call that a tool answers. The order of messages is what counts; prompts do not name it. */
  readonly toolCallId?: string | undefined;
}

/** A form of answers. */
export type ResponseFormat =
  /** Any text. */
  | { readonly type: "text" }
  /** A JSON object. */
  | { readonly type: "json_object" }
  /** A value that a JSON schema allows. */
  | { readonly type: "json_schema"; readonly schema: Json; readonly name?: string | undefined };

/**
 * Whether tools are called: as the model likes, not at all (and prompts do not name them), one of them in any case, or
 * this one.
 */
export type ToolChoice = "auto" | "none" | "required" | { readonly type: "tool"; readonly toolName: string };

/** Options of one answer; what is left out comes from the model's config. */
export interface ChatOptions extends GenerationConfig {
  /**
   * Above 1, looks for the likeliest answer along so many sequences at once instead of drawing: a beam search. The answer
   * comes as a whole, sampling settings do not apply, and each sequence takes one of the model's `conversations`.
   * Default 1.
   */
  readonly beams?: number | undefined;
  /** Power of the length by which a beam search divides log-probabilities, so that long answers win. Default 0.5. */
  readonly lengthPenalty?: number | undefined;
  /** Texts that end the answer; they are not part of it. Default none. */
  readonly stop?: readonly string[] | undefined;
  /**
   * How many answers to give, each with a seed of its own, counted up from `seed`. They come side by side, and events
   * tell by their `index` which one they belong to. Default 1.
   */
  readonly n?: number | undefined;
  /** Whether to tell how likely the model took each token to be. Default false. */
  readonly logprobs?: boolean | undefined;
  /** How many of the likeliest tokens to tell in each place, with `logprobs`; up to 20. Default 0. */
  readonly topLogprobs?: number | undefined;
  /**
   * Whether to tell where in the images the answer looked. Prompt and answer are run once more for it, which takes about
   * as long as taking in a prompt of their length. Default false.
   */
  readonly imageAttention?: boolean | undefined;
  /** Tokens to draw before the model may end its answer. Default 0. */
  readonly minTokens?: number | undefined;
  /** Whether the model may not end its answer at all. Default false. */
  readonly ignoreEos?: boolean | undefined;
  /** Whether the answer begins with thoughts, where the model knows of them. Default false. */
  readonly openThinking?: boolean | undefined;
  /**
   * The form of the answer. Every token that is drawn keeps it, whatever the model would like, and before the answer
   * would be cut off it is brought to an end, so that it is complete JSON; `finish` gives the reason `length` where the
   * model would rather have gone on. Default any text.
   */
  readonly responseFormat?: ResponseFormat | undefined;
  /**
   * Tools the model may call, in OpenAI's form: `{ type: "function", function: { name, description, parameters } }`, with
   * a JSON schema of the parameters. Once a call has begun, it is held to a tool's name and JSON where any of the tools has
   * `strict: true`, and to the parameters of those that have. Default none.
   */
  readonly tools?: readonly Json[] | undefined;
  /** Whether they are called; a call that must be is held to the tool's parameters. Default `auto`. */
  readonly toolChoice?: ToolChoice | undefined;
  /** Ends the answer with the signal's reason: while images load, in prefill and in decoding. */
  readonly signal?: AbortSignal | undefined;
}

/** Tokens of a prompt and its answer. */
export interface Usage {
  /** Tokens of the prompt, images included. */
  readonly promptTokens: number;
  /** Those of them that were still in the cache. */
  readonly cachedTokens: number;
  /** Those of them that stand for images. */
  readonly imageTokens: number;
  /** Tokens of the answer. */
  readonly completionTokens: number;
}

/** Milliseconds an answer took. */
export interface Timings {
  /** Reading, decoding and resizing images. */
  readonly imageMs: number;
  /** Encoding images; 0 when all were in the cache. */
  readonly encodeMs: number;
  /** Rendering the prompt, and taking it in up to the first token. */
  readonly prefillMs: number;
  /** All tokens after the first. */
  readonly decodeMs: number;
}

/** A token and how likely the model took it to be. */
export interface LikelyToken {
  /** Its id. */
  readonly id: number;
  /** Its text, U+FFFD where it is part of a character. */
  readonly token: string;
  /** Its bytes in UTF-8. */
  readonly bytes: readonly number[];
  /** Natural logarithm of its probability: the log softmax of the logits, before penalties, temperature and filters. */
  readonly logprob: number;
}

/** A token of an answer, and what else the model had in mind. */
export interface TokenLogprobs extends LikelyToken {
  /** The likeliest tokens in its place, likeliest first; as many as `topLogprobs` asks for. */
  readonly topLogprobs: readonly LikelyToken[];
}

/** Where in an image an answer looked. */
export interface ImageAttention {
  /** Rows and columns of the grid that the image's tokens make. */
  readonly grid: readonly [rows: number, columns: number];
  /** What of the image the grid covers: all of it, or the square in its middle. */
  readonly fit: "stretch" | "crop";
  /**
   * Share of the answer's attention that each token got, row by row: the mean over heads, blocks and tokens of the answer.
   * All shares of all images add up to 1 at most; the rest went to words.
   */
  readonly shares: Float32Array;
}

/** Why an answer ended: the model ended it or a stop text came, it grew too long, or it calls tools. */
export type FinishReason = "stop" | "length" | "tool_calls";

/** What a chat yields: pieces of the answer and tool calls as they come, then one end; of each of `n` answers. */
export type ChatEvent =
  | {
    readonly type: "text-delta";
    /** Which of `n` answers, from 0. */
    readonly index: number;
    /** What came; empty only where tokens came that have no text. */
    readonly text: string;
    /** The tokens that begin in it, where `logprobs` asks for them; the one that ends an answer is none of them. */
    readonly logprobs?: readonly TokenLogprobs[];
  }
  | {
    readonly type: "tool-call";
    /** Which of `n` answers, from 0. */
    readonly index: number;
    /** The call, complete. */
    readonly toolCall: ToolCall;
  }
  | {
    readonly type: "finish";
    /** Which of `n` answers, from 0. */
    readonly index: number;
    readonly reason: FinishReason;
    /** The whole answer, without tool calls. */
    readonly text: string;
    /** The tools that it calls; absent if none. */
    readonly toolCalls?: readonly ToolCall[];
    readonly usage: Usage;
    readonly timings: Timings;
    /** Its tokens, where `logprobs` asks for them. */
    readonly logprobs?: readonly TokenLogprobs[];
    /** Where it looked in each image of the messages, in order, where `imageAttention` asks for it. */
    readonly imageAttention?: readonly ImageAttention[];
  };
