/**
 * Conversations: messages with images → token ids, where the images go, and what a model learns of them.
 *
 * @module
 */
export {
  type ChatIds,
  ignoredLabel,
  imageIndex,
  type ImageIndexOptions,
  labelIds,
  truncateChat,
  type TruncateOptions,
} from "./chat_ids.ts";
export { type Conversation, imageTag, parseConversation, splitImages } from "./conversation.ts";
export type { LabelRule } from "./labels.ts";
export type { ChatMessage, ContentPart, Json, Role } from "./message.ts";
export { type ChatFormat, ChatRenderer, type RenderedChat, type RenderOptions } from "./render.ts";
export type { Span } from "./span.ts";
export { systemPrompts, type VariationOptions, type VariedConversation, varyConversation } from "./variation.ts";
