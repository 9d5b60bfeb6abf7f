/**
 * What a run says on stderr: on a terminal one line that is always fresh, elsewhere a line now and then.
 *
 * @module
 */
import type { StepEvent } from "../../trainers/train_events.ts";
import { clock } from "../format.ts";

/** Draws the line of a run. */
export class TrainProgress {
  readonly #logEvery: number;
  readonly #terminal = Deno.stderr.isTerminal();
  #open = false;
  #logged = 0;

  /** Takes the batches between lines where there is no terminal. */
  constructor(logEvery: number) {
    this.#logEvery = logEvery;
  }

  /** Shows an update. */
  step(event: StepEvent): void {
    const line = progressLine(event);
    if (this.#terminal) {
      write(`\r${`${progressBar(event)} ${line}`.slice(0, Deno.consoleSize().columns - 1)}\x1b[K`);
      this.#open = true;
    }
    const due = Math.floor(event.batches / this.#logEvery) > this.#logged || event.batches === event.totalBatches;
    if (!due) return;
    this.#logged = Math.floor(event.batches / this.#logEvery);
    if (this.#terminal) this.#end();
    else write(`${line}\n`);
  }

  /** Says a line. */
  note(line: string): void {
    this.#end();
    write(`${line}\n`);
  }

  #end(): void {
    if (this.#open) write("\n");
    this.#open = false;
  }
}

/** How much is done, in ten blocks. */
export function progressBar({ batches, totalBatches }: Pick<StepEvent, "batches" | "totalBatches">): string {
  const done = Math.floor(10 * batches / totalBatches);
  return "█".repeat(done) + "░".repeat(10 - done);
}

/** The text of an update. */
export function progressLine(event: StepEvent): string {
  const { epoch, batches, totalBatches, loss, auxLoss, learningRate, norm, tokensPerSecond, secondsLeft, lossScale } =
    event;
  return [
    `epoch ${epoch + 1}  batch ${batches}/${totalBatches}`,
    `loss ${loss.toFixed(4)}${auxLoss === 0 ? "" : ` (aux ${auxLoss.toFixed(4)})`}`,
    `lr ${learningRate.toExponential(2)}`,
    `norm ${norm.toFixed(2)}`,
    ...lossScale === undefined ? [] : [`scale ${lossScale}`],
    `${tokensPerSecond.toFixed(0)} tok/s`,
    `${clock(secondsLeft)} left`,
  ].join("  ");
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
