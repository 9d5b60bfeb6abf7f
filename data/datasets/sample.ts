/**
 * Rows → training samples: ids, labels and images.
 *
 * @module
 */
import { PlaceholderError } from "../../core/errors.ts";
import { uniform } from "../../core/sampling.ts";
import { type ChatIds, labelIds, truncateChat } from "../chat/chat_ids.ts";
import type { Conversation } from "../chat/conversation.ts";
import type { ChatMessage, ContentPart } from "../chat/message.ts";
import type { ChatRenderer, RenderedChat } from "../chat/render.ts";
import type { Span } from "../chat/span.ts";
import { type VariationOptions, varyConversation } from "../chat/variation.ts";
import { loadImage } from "../image/load.ts";
import { type Pixels, preprocess } from "../image/preprocess.ts";
import type { Preprocessor } from "../image/preprocessor.ts";
import type { Row } from "./dataset.ts";
import { cannotRead, DatasetError } from "./dataset_error.ts";
import { isPlaceholderImage } from "./text_only.ts";

/** What is said in a row, ready to be learnt from but for its images. */
export interface SampleText {
  /** Token ids, `[T]`. */
  readonly ids: Int32Array;
  /** The ids where they are to be learnt, −100 elsewhere, `[T]`; not shifted. */
  readonly labels: Int32Array;
  /** The positions of each image's markers among the ids, of those not cut off. */
  readonly spans: readonly Span[];
  /** Images, those cut off included. */
  readonly images: number;
  /** Ids before the cut, so more than `ids` has where it was cut. */
  readonly tokens: number;
}

/** An image of a sample. */
export interface SampleImage<Image> {
  /** The positions of its markers among the ids. */
  readonly span: Span;
  /** What was made of its file. */
  readonly image: Image;
}

/** A row, ready to be learnt from. */
export interface Sample<Image> {
  /** Number of the row. */
  readonly row: number;
  /** File and row for messages. */
  readonly place: string;
  /** Token ids, `[T]`. */
  readonly ids: Int32Array;
  /** The ids where they are to be learnt, −100 elsewhere, `[T]`; not shifted. */
  readonly labels: Int32Array;
  /** Its images, those cut off left out. */
  readonly images: readonly SampleImage<Image>[];
  /** Ids before the cut, so more than `ids` has where it was cut. */
  readonly tokens: number;
}

/** What {@link ImageReader} is told. */
export interface ImageReaderContext {
  /** What messages call the image. */
  readonly name: string;
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes of an image file what a training step takes: pixels, or features from a cache. */
export type ImageReader<Image> = (file: Uint8Array, context: ImageReaderContext) => Promise<Image>;

/** How samples are made. */
export interface SampleOptions<Image> {
  /** Renders conversations as the model has them; it knows the image markers and upstream's rule for labels. */
  readonly renderer: ChatRenderer;
  /** Ids a sample has at most. Upstream: 450 or 640 in pretraining, 768 or 1536 in SFT. */
  readonly maxTokens: number;
  /** Makes an image of its file, for instance {@link pixelReader}. */
  readonly readImage: ImageReader<Image>;
  /**
   * Odds of added system prompts and of empty thoughts that stay; false for none of it, as MiniMind2-V has it.
   * Default upstream's of minimind-3v.
   */
  readonly variation?: Omit<VariationOptions, "random"> | false | undefined;
  /** Whether typed control tokens become tokens, as upstream has it. Default false; see `RenderOptions`. */
  readonly parseSpecial?: boolean | undefined;
  /**
   * Whether a newline goes between two images that touch. Upstream's own multi-image data has such, and upstream's
   * model cannot tell where the first ends. Default true; otherwise such rows are refused.
   */
  readonly separateImages?: boolean | undefined;
}

/** What {@link SampleMaker.make} needs beside the row. */
export interface MakeOptions {
  /** Start of the generator of variations; each row has its own draws, whatever came before. Default 0. */
  readonly seed?: number | undefined;
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes samples for one model. */
export class SampleMaker<Image = Pixels> {
  readonly #options: SampleOptions<Image>;

  /**
   * Prepares it.
   *
   * @throws {RangeError} if `maxTokens` is not a whole number above 1
   */
  constructor(options: SampleOptions<Image>) {
    const { maxTokens } = options;
    if (!Number.isInteger(maxTokens) || maxTokens < 2) {
      throw new RangeError(`Cannot make samples of ${maxTokens} tokens: it must be a whole number above 1`);
    }
    this.#options = options;
  }

  /**
   * Makes a sample. Every image that is not cut off is read; the stand-in that upstream puts beside text is not.
   *
   * @throws {DatasetError} naming file and row, with the reason why nothing can be learnt from it
   */
  async make(row: Row, { seed = 0, signal }: MakeOptions = {}): Promise<Sample<Image>> {
    const { readImage } = this.#options;
    const { place, index, imageNames } = row;
    const { spans, images: count, ...text } = this.makeText(row, { seed });
    // A name too many may be that of the stand-in beside a text.
    const named = imageNames?.length ?? count;
    if (named !== count && !(named === 1 && count === 0)) throw countError(place, named, count);
    const files = imageNames?.length === 0 ? [] : await row.images({ signal });
    const standIn = count === 0 && files.length === 1 && await isPlaceholderImage(files[0]!, { signal });
    if (files.length !== count && !standIn) throw countError(place, files.length, count);
    const images: SampleImage<Image>[] = [];
    for (const [i, span] of spans.entries()) {
      const name = imageNames?.[i] === undefined ? `image ${i} of ${place}` : imageNames[i]!;
      try {
        images.push({ span, image: await readImage(files[i]!, { name, signal }) });
      } catch (cause) {
        if (signal?.aborted || cause instanceof DatasetError) throw cause;
        throw cannotRead(place, { reason: "image-damaged", cause });
      }
    }
    return { row: index, place, ...text, images };
  }

  /**
   * Makes what is said in a row; no image is read.
   *
   * @throws {DatasetError} naming file and row, with the reason why nothing can be learnt from it
   */
  makeText(row: Row, { seed = 0 }: Pick<MakeOptions, "seed"> = {}): SampleText {
    const { place } = row;
    const { maxTokens } = this.#options;
    const chat = this.#render(row, seed);
    const cut = this.#cut(chat, place);
    if (cut.labels.length === 0) {
      const problem = chat.labels.length === 0
        ? "nothing in it is to be learnt: no answer was found"
        : `all its answers are behind the cut at ${maxTokens} of ${chat.ids.length} tokens (maxTokens)`;
      throw cannotRead(place, { reason: "no-labels", problem });
    }
    const { ids, images } = cut;
    return { ids, labels: labelIds(cut), spans: images, images: chat.images.length, tokens: chat.ids.length };
  }

  #render({ conversation, place, index }: Row, seed: number): RenderedChat {
    const { renderer, variation = {}, parseSpecial, separateImages = true } = this.#options;
    let varied: Conversation = conversation;
    let dropEmptyThoughts = false;
    if (variation !== false) {
      let draw = 3 * index;
      const random = () => uniform(seed, draw++);
      const { options, ...rest } = varyConversation(conversation, { ...variation, random });
      [varied, dropEmptyThoughts] = [rest, options.dropEmptyThoughts ?? false];
    }
    const { messages, tools } = varied;
    try {
      return renderer.render(separateImages ? messages.map(withImagesApart) : messages, {
        imageSeparator: "",
        parseSpecial,
        dropEmptyThoughts,
        tools,
      });
    } catch (cause) {
      const reason = cause instanceof PlaceholderError ? "image-place" : "conversation";
      throw cannotRead(place, { reason, cause });
    }
  }

  #cut(chat: ChatIds, place: string): ChatIds {
    try {
      return truncateChat(chat, { maxTokens: this.#options.maxTokens });
    } catch (cause) {
      throw cannotRead(place, { reason: "image-cut", cause });
    }
  }
}

/** How {@link pixelReader} reads images. */
export interface PixelReaderOptions {
  /** What the encoder wants. */
  readonly preprocessor: Preprocessor;
  /** Most pixels of an image, looked up before it is decoded. Default 40 million. */
  readonly maxPixels?: number | undefined;
  /** Most bytes of a file. Default 20 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Reads images as an encoder's pixels. */
export function pixelReader(
  { preprocessor, maxPixels = 40_000_000, maxBytes }: PixelReaderOptions,
): ImageReader<Pixels> {
  return async (file, { name, signal }) => {
    return preprocess(await loadImage(file, { name, maxPixels, maxBytes, signal }), preprocessor);
  };
}

function countError(place: string, images: number, tags: number): DatasetError {
  const problem = `its text has ${tags} <image> ${tags === 1 ? "tag" : "tags"}, but the row has ${images} images`;
  return cannotRead(place, { reason: "image-count", problem });
}

/** A message with a newline between images that touch: without it nobody can tell where the first ends. */
export function withImagesApart(message: ChatMessage): ChatMessage {
  const { content } = message;
  if (typeof content === "string") return message;
  const parts = content.flatMap((part, i): ContentPart[] => {
    const touches = part.type === "image" && content[i - 1]?.type === "image";
    return touches ? [{ type: "text", text: "\n" }, part] : [part];
  });
  return { ...message, content: parts };
}
