/**
 * What is kept of a run's events: one JSON object a line.
 *
 * @module
 */
import type { SkipEvent, StepEvent, TrainEvent, ValidationEvent } from "./train_events.ts";

/** What the model said to a fixed prompt. */
export interface SampleRecord {
  /** Kind of record. */
  readonly type: "sample";
  /** Batches done over all epochs. */
  readonly batches: number;
  /** Which of the fixed prompts, from 0. */
  readonly probe: number;
  /** The prompt. */
  readonly prompt: string;
  /** What the data says. */
  readonly expected: string;
  /** What the model says, decoded greedily. */
  readonly text: string;
}

/** A line of a metrics file. */
export type MetricsRecord = StepEvent | SkipEvent | ValidationEvent | SampleRecord;

/** The line of an event, with its line feed; undefined for those that are not kept. */
export function metricsLine(event: TrainEvent | SampleRecord): string | undefined {
  return event.type === "checkpoint" || event.type === "finish" ? undefined : `${JSON.stringify(event)}\n`;
}

/**
 * Reads a metrics file up to a number of batches: what a run that goes on from there will not write again. A last line
 * that was cut off is left out.
 *
 * @throws {SyntaxError} if another line is not JSON
 */
export function parseMetrics(text: string, { batches = Infinity }: { batches?: number } = {}): MetricsRecord[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line): MetricsRecord => JSON.parse(line)).filter((record) => record.batches <= batches);
}
