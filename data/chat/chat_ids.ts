/**
 * The ids of a conversation and what they are, cut to a length, and as models and losses take them.
 *
 * @module
 */
import { PlaceholderError } from "../../core/errors.ts";
import { type Span, spansBefore } from "./span.ts";

/** Ids of a conversation, and what they are. */
export interface ChatIds {
  /** Token ids, `[T]`. */
  readonly ids: Int32Array;
  /** Positions of each image's markers, in the order of the images. */
  readonly images: readonly Span[];
  /** Positions of what the assistant said, each through the end of its turn. */
  readonly labels: readonly Span[];
}

/** Id of an element that is not learnt; PyTorch's cross-entropy ignores it too. */
export const ignoredLabel: number = -100;

/** Labels `[T]`: the id itself where it is learnt, {@link ignoredLabel} elsewhere. Not shifted. */
export function labelIds({ ids, labels }: Pick<ChatIds, "ids" | "labels">): Int32Array {
  const result = new Int32Array(ids.length).fill(ignoredLabel);
  for (const { start, length } of labels) result.set(ids.subarray(start, start + length), start);
  return result;
}

/** Options of {@link imageIndex}. */
export interface ImageIndexOptions {
  /** Embeddings of an image. */
  readonly tokens: number;
  /** Row of the first image's first embedding. Default 0. */
  readonly firstRow?: number | undefined;
}

/**
 * For each token the row of its image's embedding, −1 for text, `[T]`: the index of `graph.splice`. Unlike
 * `spliceIndex` it asks where the images are and not which ids are markers, for those may have been typed.
 */
export function imageIndex(
  { ids, images }: Pick<ChatIds, "ids" | "images">,
  { tokens, firstRow = 0 }: ImageIndexOptions,
): Int32Array {
  const index = new Int32Array(ids.length).fill(-1);
  images.forEach(({ start, length }, image) => {
    for (let i = 0; i < length; i++) index[start + i] = firstRow + image * tokens + i;
  });
  return index;
}

/** How to cut a conversation short. */
export interface TruncateOptions {
  /** Ids that are kept, from the first on. */
  readonly maxTokens: number;
  /** Whether the cut may go through an image, as upstream lets it. Default false. */
  readonly cutImages?: boolean | undefined;
}

/**
 * Cuts a conversation short. Images and labels behind the cut are dropped; it may have no labels any more.
 *
 * @throws {PlaceholderError} if the cut goes through an image and may not
 */
export function truncateChat(chat: ChatIds, { maxTokens, cutImages = false }: TruncateOptions): ChatIds {
  const images = spansBefore(chat.images, maxTokens);
  const cut = images.findIndex(({ length }, i) => length < chat.images[i]!.length);
  if (cut >= 0 && !cutImages) {
    const { start, length } = chat.images[cut]!;
    throw new PlaceholderError(
      `Cannot cut a chat to ${maxTokens} ids: image ${cut} takes the ids from ${start} to ${start + length}`,
    );
  }
  return { ids: chat.ids.slice(0, maxTokens), images, labels: spansBefore(chat.labels, maxTokens) };
}
