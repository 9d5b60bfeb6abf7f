/**
 * Side-by-side timing: contenders take turns, so that noise hits them alike.
 *
 * @module
 */

/** One way to do a piece of work. */
export interface Contender {
  /** Name in the table. */
  readonly name: string;
  /** Does the work once. */
  run(): Promise<void> | void;
}

/** What is measured and how often. */
export interface Race {
  /** Name of the work. */
  readonly work: string;
  /** How much of `unit` one run does, such as tokens. */
  readonly amount: number;
  /** What a rate counts, such as `tok/s`. */
  readonly unit: string;
  /** The first one is what the others are compared with. */
  readonly contenders: readonly Contender[];
  /** Timed runs of each. */
  readonly rounds: number;
}

/** Times of one contender. */
export interface Result {
  /** Name of the work. */
  readonly work: string;
  /** Name of the contender. */
  readonly contender: string;
  /** Milliseconds of every run. */
  readonly milliseconds: readonly number[];
  /** Amount per second, of the median run. */
  readonly rate: number;
  /** Amount per second, of the fastest run. */
  readonly bestRate: number;
  /** What a rate counts. */
  readonly unit: string;
  /** Median rate divided by the first contender's. */
  readonly ratio: number;
  /** The same of the best rates, which noise moves less. */
  readonly bestRatio: number;
}

/** Runs each contender twice unmeasured, then all in turn, each round beginning with another one. */
export async function race({ work, amount, unit, contenders, rounds }: Race): Promise<Result[]> {
  for (const { run } of [...contenders, ...contenders]) await run();
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const each = (round + turn) % contenders.length;
      const start = performance.now();
      await contenders[each]!.run();
      times[each]!.push(performance.now() - start);
    }
  }
  const rate = (milliseconds: number) => amount / milliseconds * 1000;
  const first = { median: median(times[0]!), best: Math.min(...times[0]!) };
  return contenders.map(({ name }, i) => ({
    work,
    contender: name,
    milliseconds: times[i]!,
    rate: rate(median(times[i]!)),
    bestRate: rate(Math.min(...times[i]!)),
    unit,
    ratio: first.median / median(times[i]!),
    bestRatio: first.best / Math.min(...times[i]!),
  }));
}

/** The middle number, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** A table of results: milliseconds, rate of the median (and best) run, ratio of the medians (the best). */
export function formatResults(results: readonly Result[]): string {
  const rows = results.map(({ work, contender, milliseconds, rate, bestRate, unit, ratio, bestRatio }) => [
    work,
    contender,
    [Math.min(...milliseconds), median(milliseconds), Math.max(...milliseconds)].map((ms) => ms.toFixed(1)).join(" / "),
    `${format(rate)} (${format(bestRate)}) ${unit}`,
    `${ratio.toFixed(2)}x (${bestRatio.toFixed(2)}x)`,
  ]);
  const table = [["work", "contender", "ms min / median / max", "rate, median (best)", "ratio"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd()).join("\n");
}

/** The largest difference between two outputs of one shape. */
export function maxDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`Cannot compare outputs: ${a.length} numbers and ${b.length}`);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

function format(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(rate >= 10 ? 1 : 2);
}
