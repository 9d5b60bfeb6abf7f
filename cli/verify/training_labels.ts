/**
 * Golden cases of training rows: conversations as upstream's data sets encode, cut, pad and label them.
 *
 * @module
 */
import { type Conversation, parseConversation } from "../../data/chat/conversation.ts";
import { ignoredLabel, labelIds, truncateChat } from "../../data/chat/chat_ids.ts";
import type { RenderedChat, RenderOptions } from "../../data/chat/render.ts";
import { varyConversation } from "../../data/chat/variation.ts";
import { type Check, same } from "./check.ts";
import type { Golden } from "./golden.ts";
import { type CaseKind, isObject } from "./kind.ts";
import { allSame, looksLikeToken, type Outcome, readTokenizer, type TextTools } from "./tokenizer_case.ts";

/** One row of a document; MiniMind2-V's have `X`, `Y` and `loss_mask`, minimind-3v's `input_ids` and `labels`. */
interface Row {
  readonly name: string;
  readonly mode: "plain" | "system_and_think";
  readonly conversations: readonly { readonly role?: string; readonly content: string }[];
  readonly max_length: number;
  readonly image_token_len: number;
  readonly prompt: string;
  readonly prompt_token_count: number;
  readonly X?: readonly number[];
  readonly Y?: readonly number[];
  readonly loss_mask?: readonly number[];
  readonly input_ids?: readonly number[];
  readonly labels?: readonly number[];
}

/** Training rows. */
export const trainingLabelsKind: CaseKind = {
  name: "training labels",
  recognises: ({ items }) =>
    Array.isArray(items) && items.length > 0 && items.every((item) => isObject(item) && "conversations" in item),
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const { document } = golden;
  const tools = await readTokenizer(golden);
  const { bos, eos, pad } = tools.tokenizer.control;
  const newline = document["version"] === "v2" ? "" : "\n";
  const header = tools.tokenizer.encode(`${bos!.text}assistant${newline}`);
  yield same("bos_id", { actual: header, expected: document["bos_id"] as number[] });
  yield same("eos_id", {
    actual: tools.tokenizer.encode(eos!.text + newline),
    expected: document["eos_id"] as number[],
  });
  yield same("pad_token_id", { actual: [pad?.id], expected: [document["pad_token_id"]] });
  const rows = document["items"] as readonly Row[];
  for (const parseSpecial of [true, false]) {
    // By default what is typed makes no tokens, so only rows without such text come out as upstream's.
    const chosen = rows.filter(({ conversations }) =>
      parseSpecial ||
      !conversations.some(({ role = "user", content }) => looksLikeToken({ role, content }, tools.tokenizer))
    );
    const outcomes = chosen.map((row) => compareRow(row, tools, { parseSpecial, imageSeparator: "" }));
    for (const part of ["prompt", "prompt_token_count", "images", "ids", "labels"] as const) {
      yield allSame(parseSpecial ? part : `plain.${part}`, outcomes.map((outcome) => outcome[part]));
    }
  }
}

function compareRow(row: Row, { renderer, tokenizer }: TextTools, options: RenderOptions) {
  const { conversation, varied } = conversationOf(row);
  const { messages, tools } = conversation;
  const chat = renderer(row.image_token_len).render(messages, { ...options, ...varied, tools });
  const { ids, labels } = padded(chat, row.max_length, tokenizer.control.pad!.id);
  const mask = labels.map((label) => label === ignoredLabel ? 0 : 1);
  const outcome = (actual: unknown, expected: unknown): Outcome => ({
    name: `${row.name} ${row.mode}`,
    actual,
    expected,
  });
  const shifted = row.X !== undefined;
  const tags = row.conversations.map(({ content }) => content.split("<image>").length - 1);
  return {
    prompt: outcome(chat.text, row.prompt),
    prompt_token_count: outcome(chat.ids.length, row.prompt_token_count),
    images: outcome(chat.images.length, tags.reduce((sum, count) => sum + count, 0)),
    ids: shifted ? outcome([ids.slice(0, -1), ids.slice(1)], [row.X, row.Y]) : outcome(ids, row.input_ids),
    labels: shifted ? outcome(mask.slice(1), row.loss_mask) : outcome(labels, row.labels),
  };
}

/** The conversation with the variation that its mode stands for. */
function conversationOf(row: Row): { conversation: Conversation; varied: RenderOptions } {
  const conversation = parseConversation(row.conversations);
  if (row.X !== undefined) return { conversation, varied: {} };
  // Upstream drew 0.99 throughout, or 0.1 and the first of the prompts.
  const draws = row.mode === "plain" ? [0.99, 0.99, 0.99] : [0.1, 0, 0.1];
  const { options, ...varied } = varyConversation(conversation, { random: () => draws.shift()! });
  return { conversation: varied, varied: options };
}

/** Ids and labels, cut or filled to a length. */
function padded(chat: RenderedChat, length: number, pad: number): { ids: number[]; labels: number[] } {
  const cut = truncateChat(chat, { maxTokens: length, cutImages: true });
  const fill = (values: Int32Array, value: number) => Array.from({ length }, (_, i) => values[i] ?? value);
  return { ids: fill(cut.ids, pad), labels: fill(labelIds(cut), ignoredLabel) };
}
