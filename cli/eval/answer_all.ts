/**
 * A model's answers to all records, several at once, with a line that tells how far they are.
 *
 * @module
 */
import type { ImageSource } from "../../data/image/mod.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import type { ChatOptions } from "../../core/chat_events.ts";
import { inOrder } from "../in_order.ts";
import { stderr } from "../terminal.ts";
import type { EvalRecord } from "./records.ts";

/** An answer. */
export interface EvalAnswer {
  /** What the model said. */
  readonly text: string;
  /** Its tokens. */
  readonly tokens: number;
}

/** What answers are made with. */
export interface AnswerAllOptions {
  /** The model. */
  readonly model: ChatModel;
  /** Reads the image of a record. */
  readonly readImage: (record: EvalRecord) => Promise<ImageSource>;
  /** How answers are drawn or searched for. */
  readonly chat: ChatOptions;
  /** Answers at once. */
  readonly batch: number;
  /** Whether to say nothing on the way. */
  readonly quiet: boolean;
  /** Told of each answer, in the order of the records. */
  readonly onAnswer?: ((record: EvalRecord, answer: EvalAnswer) => void) | undefined;
}

/** All answers, and how fast they came. */
export interface AnswerAllResult {
  /** An answer for each record. */
  readonly answers: readonly EvalAnswer[];
  /** Speed. */
  readonly speed: EvalSpeed;
}

/** How fast answers came: reading, encoding and answering together. */
export interface EvalSpeed {
  /** Seconds of all of it. */
  readonly seconds: number;
  /** Different images a second. */
  readonly imagesPerSecond: number;
  /** Answers a second. */
  readonly answersPerSecond: number;
  /** Tokens of the answers a second; those of lost beams do not count. */
  readonly tokensPerSecond: number;
}

/** Answers every record. The first one that cannot be answered ends it. */
export async function answerAll(records: readonly EvalRecord[], options: AnswerAllOptions): Promise<AnswerAllResult> {
  const { batch, quiet, onAnswer } = options;
  const shown = !quiet && stderr.isTerminal;
  const start = performance.now();
  const answers: EvalAnswer[] = [];
  // Twice as many as answer at once, so that the next images are ready when a row is free.
  for await (const answer of inOrder(records, { width: 2 * batch, work: (record) => answerOne(record, options) })) {
    onAnswer?.(records[answers.length]!, answer);
    answers.push(answer);
    if (shown) stderr.write(`\r\x1b[K${progress(answers.length, { of: records.length, start })}`);
  }
  if (shown) stderr.write("\r\x1b[K");
  const seconds = (performance.now() - start) / 1000;
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  return {
    answers,
    speed: {
      seconds,
      imagesPerSecond: new Set(records.map(({ image }) => image)).size / seconds,
      answersPerSecond: records.length / seconds,
      tokensPerSecond: tokens / seconds,
    },
  };
}

async function answerOne(record: EvalRecord, { model, readImage, chat }: AnswerAllOptions): Promise<EvalAnswer> {
  const image = await readImage(record);
  const content = [{ type: "image", image }, { type: "text", text: record.prompt }] as const;
  for await (const event of model.chat([{ role: "user", content }], chat)) {
    if (event.type === "finish") return { text: event.text, tokens: event.usage.completionTokens };
  }
  throw new Error(`Cannot answer line ${record.line}: the model ended without an answer`);
}

function progress(done: number, { of, start }: { readonly of: number; readonly start: number }): string {
  const seconds = (performance.now() - start) / 1000;
  const left = Math.round(seconds / done * (of - done));
  return `${done} of ${of}  ${(done / seconds).toFixed(1)} a second  ${Math.floor(left / 60)}:${
    String(left % 60).padStart(2, "0")
  } left`;
}
