/**
 * Shows answers: as text while they come, or as one line of JSON each.
 *
 * @module
 */
import type { AskOptions } from "./session.ts";
import type { Answer } from "./session.ts";
import { note, printable, stdout, styled } from "../terminal.ts";
import { answerTimings, formatTimings, type StartTimings } from "./timings.ts";

/** How answers are shown. */
export interface ShowOptions {
  /** Name of the model. */
  readonly model: string;
  /** Whether as JSON. */
  readonly json: boolean;
  /** Whether timings follow, on stderr. */
  readonly timings: boolean;
  /** What happened before the first question. */
  readonly start: StartTimings;
}

/** What an answer is about, beside its text. */
export interface AnswerSubject {
  /** The image's file, where each image has an answer of its own. */
  readonly image?: string | undefined;
  /** Whether what happened before the first question counts in. Default false. */
  readonly first?: boolean | undefined;
}

/** Shows the answer that `ask` gives. */
export async function showAnswer(
  ask: (options: Pick<AskOptions, "onText">) => Promise<Answer>,
  options: ShowOptions,
  { image, first = false }: AnswerSubject = {},
): Promise<Answer> {
  const asked = performance.now();
  const answer = await ask({ onText: options.json ? undefined : showText });
  const { finish, text, seed } = answer;
  const start = first ? options.start : undefined;
  const timings = finish && answerTimings(finish.timings, finish.usage, first ? asked : 0);
  if (options.json) {
    const about = image === undefined ? {} : { image };
    const numbers = { logprobs: finish?.logprobs, usage: finish?.usage, timings: { ...start, ...timings } };
    const line = { ...about, text, reason: finish?.reason ?? "interrupted", model: options.model, seed, ...numbers };
    stdout.write(`${JSON.stringify(line)}\n`);
  } else if (!text.endsWith("\n")) stdout.write("\n");
  if (options.timings && timings !== undefined) note(styled(formatTimings(timings, finish!.usage, start), "dim"));
  return answer;
}

function showText(text: string): void {
  stdout.write(stdout.isTerminal ? printable(text) : text);
}
