/**
 * What a training run tells.
 *
 * @module
 */
import type { Cursor, RunState } from "./run_state.ts";

/** Losses over a validation set. */
export interface Validation {
  /** Mean cross-entropy over all labels. */
  readonly loss: number;
  /**
   * How much the loss rises when each image takes the place of another: near 0 means that the model does not look at
   * them. Absent where there are not two images.
   */
  readonly imageScore?: number | undefined;
}

/** An update. */
export interface StepEvent {
  /** Kind of event. */
  readonly type: "step";
  /** Epoch of its last batch, from 0. */
  readonly epoch: number;
  /** Batches done over all epochs. */
  readonly batches: number;
  /** Batches of the whole run. */
  readonly totalBatches: number;
  /** Updates done. */
  readonly updates: number;
  /** Mean loss of its batches, auxiliary loss included. */
  readonly loss: number;
  /** Mean auxiliary loss of its batches; 0 for dense models. */
  readonly auxLoss: number;
  /** Learning rate. */
  readonly learningRate: number;
  /** Global norm of the gradients before clipping. */
  readonly norm: number;
  /** What the loss was scaled by; absent in f32. */
  readonly lossScale?: number | undefined;
  /** Tokens over the whole run, padding included. */
  readonly tokens: number;
  /** Tokens a second since the update before, padding included, validation and saving left out. */
  readonly tokensPerSecond: number;
  /** Seconds the rest of the run takes at the mean speed so far. */
  readonly secondsLeft: number;
}

/** An update that was left out. */
export interface SkipEvent {
  /** Kind of event. */
  readonly type: "skip";
  /** The batch that brought it. */
  readonly cursor: Cursor;
  /**
   * First parameter whose gradient is not finite; absent where only the norm of all is too large for f32, or where a
   * smaller loss scale may help.
   */
  readonly parameter?: string | undefined;
  /** The loss scale from now on; absent in f32. */
  readonly lossScale?: number | undefined;
  /** Batches done over all epochs. */
  readonly batches: number;
  /** Updates left out so far. */
  readonly skipped: number;
}

/** A validation. */
export interface ValidationEvent extends Validation {
  /** Kind of event. */
  readonly type: "validation";
  /** Batches done over all epochs. */
  readonly batches: number;
  /** Whether the loss is the smallest so far. */
  readonly best: boolean;
}

/** A checkpoint was saved. */
export interface CheckpointEvent {
  /** Kind of event. */
  readonly type: "checkpoint";
  /** The state it holds. */
  readonly state: RunState;
  /** Whether the last validation was the best. */
  readonly best: boolean;
}

/** The run is over. */
export interface FinishEvent {
  /** Kind of event. */
  readonly type: "finish";
  /** Where it ended. */
  readonly state: RunState;
  /** Seconds since it began or went on. */
  readonly seconds: number;
}

/** What `train` yields. */
export type TrainEvent = StepEvent | SkipEvent | ValidationEvent | CheckpointEvent | FinishEvent;
