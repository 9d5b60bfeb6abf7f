/**
 * The reference backend as a device with a queue: what it is told to run ahead is done at once, as far ahead as a device
 * can ever be, and numbers come to the host when a device of that speed would have got so far.
 *
 * @module
 */
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import type { Backend, Program } from "../../core/backend.ts";

/** How fast the device is, in milliseconds. */
export interface QueueSpeed {
  /** For one run of a program. */
  readonly step: number;
  /** For the way back to the host. */
  readonly read: number;
}

/** A backend that runs ahead, and what it was asked for. */
export interface QueueingBackend extends Backend {
  /** Runs of each call of `runAhead`. */
  readonly batches: number[];
  /** Calls of it that were under way at once, at most. */
  readonly mostAtOnce: number;
}

/** Creates it. */
export function createQueueingBackend({ step, read }: QueueSpeed): QueueingBackend {
  const reference = createReferenceBackend();
  const batches: number[] = [];
  let free = 0; // the time from which on the device has nothing to do
  let atOnce = 0, mostAtOnce = 0;
  const runAhead = async (program: Program, { times, output }: { times: number; output: string }) => {
    batches.push(times);
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    const copies = Array.from({ length: times }, () => {
      program.run();
      return program.read(output);
    });
    free = Math.max(free, performance.now()) + times * step;
    const end = free + read;
    for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, left));
    }
    atOnce--;
    return await Promise.all(copies);
  };
  return {
    ...reference,
    batches,
    get mostAtOnce() {
      return mostAtOnce;
    },
    load(plan, storages) {
      const program = reference.load(plan, storages);
      return {
        plan,
        write: (input, data) => program.write(input, data),
        run: () => program.run(),
        read: (output) => program.read(output),
        runAhead: (times, output) => runAhead(program, { times, output }),
        [Symbol.dispose]: () => program[Symbol.dispose](),
      };
    },
  };
}
