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

/** A piece of a message. */
export type ChatPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly image: ImageSource };

/** One message of a conversation. */
export interface Message {
  /** Who speaks. */
  readonly role: Role;
  /** Text, or text and images in order. A string is all text: `<image>` in it is no image. */
  readonly content: string | readonly ChatPart[];
}

/** Options of one answer; what is left out comes from the model's config. */
export interface ChatOptions extends GenerationConfig {
  /**
   * Above 1, looks for the likeliest answer along so many sequences at once instead of drawing: a beam search. The answer
   * comes as a whole, sampling settings do not apply, and each sequence takes one of the model's `conversations`.
   * Default 1.
   */
  readonly beams?: number | undefined;
  /** Power of the length by which a beam search divides log-probabilities, so that long answers win. Default 0.7. */
  readonly lengthPenalty?: number | undefined;
  /** Texts that end the answer; they are not part of it. Default none. */
  readonly stop?: readonly string[] | undefined;
  /** Whether the answer begins with thoughts, where the model knows of them. Default false. */
  readonly openThinking?: boolean | undefined;
  /** Tools the model may call, as JSON schemas. Default none. */
  readonly tools?: readonly Json[] | undefined;
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

/** Why an answer ended: the model ended it, a stop text came, or it grew too long. */
export type FinishReason = "stop" | "length";

/** What a chat yields: pieces of the answer as they come, then one end. */
export type ChatEvent =
  | { readonly type: "text-delta"; readonly text: string }
  | {
    readonly type: "finish";
    readonly reason: FinishReason;
    /** The whole answer. */
    readonly text: string;
    readonly usage: Usage;
    readonly timings: Timings;
  };
