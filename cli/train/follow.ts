/**
 * What is done with the events of a run: metrics, progress, and now and then answers to fixed prompts.
 *
 * @module
 */
import type { SampleRecord } from "../../trainers/metrics.ts";
import type { SkipEvent, TrainEvent, ValidationEvent } from "../../trainers/train_events.ts";
import type { TrainProgress } from "./progress.ts";
import type { RunLog } from "./run_log.ts";

/** Options of {@link follow}. */
export interface FollowOptions {
  /** Notes everything. */
  readonly log: RunLog;
  /** Shows it. */
  readonly progress: TrainProgress;
  /** Answers the fixed prompts after so many batches; undefined if there are none. */
  readonly answer: ((batches: number) => Promise<readonly SampleRecord[]>) | undefined;
  /** Batches between answers; there are some at the end in any case. */
  readonly answerEvery: number;
  /** Batches that were done before. */
  readonly from: number;
}

/** Follows a run to its end; gives the best validation, if there was any. */
export async function follow(
  run: AsyncIterable<TrainEvent>,
  { log, progress, answer, answerEvery, from }: FollowOptions,
): Promise<ValidationEvent | undefined> {
  let best: ValidationEvent | undefined;
  let answered = Math.floor(from / answerEvery);
  for await (const event of run) {
    log.add(event);
    if (event.type === "step") progress.step(event);
    if (event.type === "skip") progress.note(skipLine(event));
    if (event.type === "validation") progress.note(validationLine(event));
    if (event.type === "validation" && event.best) best = event;
    if (event.type === "finish" || event.type === "checkpoint" || answer === undefined) continue;
    const last = event.type === "step" && event.batches === event.totalBatches;
    if (!last && Math.floor(event.batches / answerEvery) <= answered) continue;
    answered = last ? Infinity : Math.floor(event.batches / answerEvery);
    for (const record of await answer(event.batches)) {
      log.add(record);
      progress.note(`  ${JSON.stringify(record.text)}`);
    }
  }
  return best;
}

function skipLine({ parameter, batches, lossScale }: SkipEvent): string {
  if (lossScale !== undefined && parameter === undefined) {
    return `update left out after ${batches} batches: too large for f16; the loss scale is ${lossScale} now`;
  }
  const what = parameter === undefined ? "the norm of all gradients" : `the gradient of "${parameter}"`;
  return `update left out after ${batches} batches: ${what} is not finite`;
}

function validationLine({ loss, imageScore, best }: ValidationEvent): string {
  const rise = imageScore === undefined ? "" : `, ${imageScore.toFixed(4)} more with exchanged images`;
  return `validation loss ${loss.toFixed(4)}${rise}${best ? ", the best so far" : ""}`;
}
