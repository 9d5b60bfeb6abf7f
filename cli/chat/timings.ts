/**
 * How long an answer took, part by part.
 *
 * @module
 */
import type { Timings, Usage } from "../../core/chat_events.ts";

/** Milliseconds before a conversation began. */
export interface StartTimings {
  /** From the start of the engine to that of the command. */
  readonly startMs: number;
  /** Loading the model. What else goes on meanwhile, as compiling an image's decoder, is counted once, here. */
  readonly loadMs: number;
  /** The part of it until all was read and checked, before weights went to the backend. */
  readonly readMs: number;
}

/** One answer in numbers. */
export interface AnswerTimings extends Timings {
  /** From the question, or for a first question from the start of the engine, to the first token. */
  readonly firstTokenMs: number;
  /** Tokens of the answer per second, the first one aside; 0 for a single token. */
  readonly tokensPerSecond: number;
}

/** Adds what follows from an answer's numbers; `beforeMs` went by before the question was asked. */
export function answerTimings(timings: Timings, { completionTokens }: Usage, beforeMs = 0): AnswerTimings {
  const { imageMs, encodeMs, prefillMs, decodeMs } = timings;
  return {
    ...timings,
    firstTokenMs: beforeMs + imageMs + encodeMs + prefillMs,
    tokensPerSecond: completionTokens > 1 ? (completionTokens - 1) / decodeMs * 1000 : 0,
  };
}

/** A line for each part, in the order they happen. */
export function formatTimings(timings: AnswerTimings, usage: Usage, start?: StartTimings): string {
  const { promptTokens, cachedTokens, completionTokens } = usage;
  const taken = promptTokens - cachedTokens;
  const prefillRate = taken / timings.prefillMs * 1000;
  const rows: (readonly [string, number, string])[] = [];
  if (start !== undefined) {
    rows.push(["start", start.startMs, "engine and command"]);
    rows.push(["load", start.loadMs, `files ${ms(start.readMs)}, weights ${ms(start.loadMs - start.readMs)}`]);
  }
  if (timings.imageMs + timings.encodeMs > 0) {
    rows.push(["image", timings.imageMs, "read, decode, resize"]);
    rows.push(["encode", timings.encodeMs, "encoder and projector"]);
  }
  const cached = cachedTokens > 0 ? `, ${cachedTokens} more were in the cache` : "";
  rows.push(["prefill", timings.prefillMs, `${taken} tokens, ${rate(prefillRate)}${cached}`]);
  rows.push(["first token", timings.firstTokenMs, start === undefined ? "from the question" : "from the command"]);
  rows.push(["decode", timings.decodeMs, `${completionTokens} tokens, ${rate(timings.tokensPerSecond)}`]);
  return rows.map(([name, time, what]) => `${name.padEnd(11)}  ${ms(time).padStart(9)}  ${what}`).join("\n");
}

function ms(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

function rate(perSecond: number): string {
  return Number.isFinite(perSecond) ? `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} tokens/s` : "at once";
}
