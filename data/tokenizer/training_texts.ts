/**
 * Files that a tokenizer learns from, as texts.
 *
 * @module
 */
import type { Conversation } from "../chat/conversation.ts";
import { cannotRead, placeOf } from "../datasets/dataset_error.ts";
import { openDataset } from "../datasets/open.ts";
import { type RandomAccess, readPart } from "../datasets/random_access.ts";
import { indexLines } from "../datasets/record_index.ts";
import { parseRow } from "../datasets/row_format.ts";
import { isObject } from "./json_object.ts";

/** A row of what is learnt from. */
export interface TrainingTexts {
  /** What is said in it, turn by turn where it is a conversation. */
  readonly texts: readonly string[];
  /** Whether it is one, and will be printed with a chat template. */
  readonly conversation: boolean;
}

/**
 * The texts of a file, row by row: every line of a `.txt`; the turns of a data set's conversations; of rows
 * `{ "text": … }`, as pretraining of text has them, that text.
 *
 * @throws {DatasetError} naming the row that is none of these
 */
export async function* trainingTexts(
  file: RandomAccess,
  { name }: { readonly name: string },
): AsyncGenerator<TrainingTexts, void> {
  const start = new TextDecoder().decode(await readPart(file, { start: 0, end: Math.min(file.size, 4096) }));
  const plain = /\.txt$/i.test(name);
  if (!plain && !start.trimStart().startsWith("{")) {
    const dataset = await openDataset(file, { name });
    for (let i = 0; i < dataset.length; i++) yield turns((await dataset.row(i)).conversation);
    return;
  }
  const index = await indexLines(file, { name });
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  let block = { start: 0, bytes: new Uint8Array() }; // of many lines: a read for each would take longer than learning
  for (let i = 0; i < index.length; i++) {
    const { start, end } = index.at(i);
    if (end > block.start + block.bytes.length) {
      const bounds = { start, end: Math.max(end, Math.min(start + 2 ** 20, file.size)) };
      block = { start, bytes: await readPart(file, bounds) };
    }
    try {
      const text = utf8.decode(block.bytes.subarray(start - block.start, end - block.start));
      yield plain ? { texts: [text.trimEnd()], conversation: false } : rowTexts(JSON.parse(text));
    } catch (cause) {
      throw cannotRead(placeOf(name, i), { reason: plain ? "damaged" : "conversation", cause });
    }
  }
}

function rowTexts(row: unknown): TrainingTexts {
  if (isObject(row) && typeof row["text"] === "string") return { texts: [row["text"]], conversation: false };
  return turns(parseRow(row).conversation);
}

/** What is said; image tags are no text. */
function turns({ messages }: Conversation): TrainingTexts {
  const texts = messages.map(({ content }) => {
    const parts = typeof content === "string"
      ? [content]
      : content.map((part) => part.type === "text" ? part.text : "");
    return parts.join("");
  });
  return { texts, conversation: true };
}
