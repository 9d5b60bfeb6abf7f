/**
 * One conversation of the command line: its messages, the images for the next one, its settings.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { imageSize, type ImageSource, type ReadFile } from "../../data/image/mod.ts";
import type { ChatEvent, ChatOptions, ChatPart, Message } from "../../core/chat_events.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import { drawSeed } from "../sampling_flags.ts";

/** Options of a {@link ChatSession}. */
export interface SessionOptions {
  /** What the model is told before all else. Default nothing. */
  readonly system?: string | undefined;
  /** How answers are drawn. */
  readonly options?: ChatOptions | undefined;
  /** Images that the first question shows. Default none. */
  readonly images?: readonly ImageSource[] | undefined;
  /** Reads image files. */
  readonly readImage: ReadFile;
}

/** An answer that is done. */
export type FinishEvent = Extract<ChatEvent, { type: "finish" }>;

/** An answer as it came to be. */
export interface Answer {
  /** How it ended; undefined if its signal was aborted. */
  readonly finish: FinishEvent | undefined;
  /** Its text as far as it came. */
  readonly text: string;
  /** The seed it was drawn with. */
  readonly seed: number;
}

/** What to do with an answer while it comes. */
export interface AskOptions {
  /** Told each piece of the text. */
  readonly onText?: ((text: string) => void) | undefined;
  /** Ends the answer; what has come of it stays in the conversation. */
  readonly signal?: AbortSignal | undefined;
}

/** Most bytes of an image file; the model refuses more. */
const maxImageBytes = 20 * 2 ** 20;

/**
 * Reads an image at once: a conversation keeps it even if the file changes. A data URI stays as it is.
 *
 * @throws {ImageError} if it cannot be read, or its header tells that it is no image that can be shown
 */
export async function readAttachment(path: string, readImage: ReadFile, signal?: AbortSignal): Promise<ImageSource> {
  const image = path.startsWith("data:") ? path : await readFileOf(path, readImage, signal);
  await imageSize(image, { maxBytes: maxImageBytes });
  return image;
}

async function readFileOf(path: string, readImage: ReadFile, signal: AbortSignal | undefined): Promise<File> {
  const bytes = await readImage(path, { maxBytes: maxImageBytes, ...signal && { signal } });
  return new File([Uint8Array.from(bytes)], path);
}

/** A conversation with a model. */
export class ChatSession {
  /** What was said so far, without the system's message. */
  readonly messages: Message[] = [];
  /** Images that the next question shows. */
  readonly images: ImageSource[] = [];
  /** What the model is told before all else. */
  system: string | undefined;
  /** How answers are drawn. */
  options: ChatOptions;
  readonly #model: ChatModel;
  readonly #readImage: ReadFile;

  /** Starts a conversation. */
  constructor(model: ChatModel, { system, options = {}, images = [], readImage }: SessionOptions) {
    this.#model = model;
    this.#readImage = readImage;
    this.images.push(...images);
    this.system = system;
    this.options = options;
  }

  /** Puts an image into the next question, as {@link readAttachment} reads it. */
  async attach(path: string, signal?: AbortSignal): Promise<void> {
    this.images.push(await readAttachment(path, this.#readImage, signal));
  }

  /**
   * Asks a question, with the images that were put in. After an error the conversation is as it was before, but for
   * images of which one cannot be read: no other question would be answered with them.
   *
   * @throws what the model's `chat` throws, except the signal's reason
   */
  async ask(text: string, options: AskOptions = {}): Promise<Answer> {
    const images = this.images.map((image): ChatPart => ({ type: "image", image }));
    const content = images.length === 0 ? text : [...images, { type: "text", text } as const];
    const before = this.messages.length;
    this.messages.push({ role: "user", content });
    try {
      const answer = await this.#answer(options);
      this.images.length = 0;
      return answer;
    } catch (error) {
      this.messages.length = before;
      if (error instanceof ImageError) this.images.length = 0;
      throw error;
    }
  }

  /**
   * Answers the last question anew; with a seed of its own unless one is set.
   *
   * @throws {TypeError} if there is no question yet
   */
  async regenerate(options: AskOptions = {}): Promise<Answer> {
    const last = this.messages.findLastIndex(({ role }) => role === "user");
    if (last < 0) throw new TypeError("Cannot answer again: nothing was asked yet");
    const dropped = this.messages.splice(last + 1);
    try {
      return await this.#answer(options);
    } catch (error) {
      this.messages.push(...dropped);
      throw error;
    }
  }

  /** Forgets what was said, and the images. */
  clear(): void {
    this.messages.length = this.images.length = 0;
  }

  async #answer({ onText, signal }: AskOptions): Promise<Answer> {
    const seed = this.options.seed ?? drawSeed();
    const system: Message[] = this.system === undefined ? [] : [{ role: "system", content: this.system }];
    let text = "";
    let finish: FinishEvent | undefined;
    try {
      for await (const event of this.#model.chat([...system, ...this.messages], { ...this.options, seed, signal })) {
        if (event.type === "finish") finish = event;
        else if (event.type === "text-delta") {
          text += event.text;
          onText?.(event.text);
        }
      }
    } catch (error) {
      if (!signal?.aborted || text === "") throw error;
    }
    this.messages.push({ role: "assistant", content: text });
    return { finish, text, seed };
  }
}
