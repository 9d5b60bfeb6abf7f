/**
 * The training step side by side: that both compute the same, tokens per second, and how much of the machine it uses.
 *
 * @module
 */
import process from "node:process";
import { costOf } from "../../core/graph/cost.ts";
import type { Plan } from "../../engine.ts";
import { median, race } from "../harness.ts";
import type { Jax } from "../peers/jax_js.ts";
import type { Report, Side } from "./side.ts";
import { type Trainer, usual } from "./training_case.ts";
import { trainJax } from "./training_jax.ts";
import { matmulGigaflops, matmulRunner } from "./training_matmul.ts";
import { trainOurs } from "./training_ours.ts";

/** Who takes part. */
export interface TrainingSides {
  /** Ours. */
  readonly side: Side;
  /** The peer; absent when only ours is measured. */
  readonly jax?: Jax | undefined;
  /** Timed steps of each. */
  readonly rounds: number;
}

/** What a training benchmark gives back. */
export interface TrainingReport extends Report {
  /** Single numbers by name and unit, for those who read the JSON file. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Steps whose losses are compared. */
const comparedSteps = 4;

/** Measures tokens per second of whole steps. */
export async function step({ side, jax, rounds }: TrainingSides): Promise<TrainingReport> {
  const ours = trainOurs(side.backend, side.name);
  const trainers: Trainer[] = [...(jax === undefined ? [] : [trainJax(jax, "jax-js wasm")]), ours];
  const differences = await compareLosses(trainers);
  const product = matmulRunner(side.backend);
  const clocks = trainers.map((trainer) => ({ name: trainer.name, ...clocked(trainer) }));
  const contenders = [...clocks, product];
  const timed = await race({ work: "train step", amount: usual.tokensPerStep, unit: "tok/s", rounds, contenders });
  for (const runner of [...trainers, product]) await runner.dispose();
  const results = timed.slice(0, -1);
  const use = matmulShare(countFlops(ours.train.plan) / 1e9, {
    steps: results.at(-1)!.milliseconds,
    products: timed.at(-1)!.milliseconds,
  });
  return { results, notes: [...differences, processorTime(clocks), use.note], figures: use.figures };
}

/** A step that notes what it takes of all processors together: other programs disturb that less than the time it takes. */
export function clocked(trainer: Trainer): { readonly times: number[]; run(): Promise<void> } {
  const times: number[] = [];
  return {
    times,
    async run() {
      const before = process.cpuUsage();
      await trainer.step();
      const { user, system } = process.cpuUsage(before); // microseconds
      times.push((user + system) / 1000);
    },
  };
}

/** What steps took of all processors together. */
export function processorTime(clocks: readonly { readonly name: string; readonly times: readonly number[] }[]): string {
  const shown = clocks.map(({ name, times }) => {
    return `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)}) ms (${name})`;
  });
  return `processor time of a step, median (best): ${shown.join(", ")}`;
}

/** How much of the rate of plain matrix products a step reaches: the median of rounds, and best step to best product. */
function matmulShare(
  gigaflops: number,
  { steps, products }: { readonly steps: readonly number[]; readonly products: readonly number[] },
): Pick<TrainingReport, "figures"> & { readonly note: string } {
  const speeds = steps.map((ms) => gigaflops / ms * 1000);
  const rates = products.map((ms) => matmulGigaflops / ms * 1000);
  const share = median(speeds.map((speed, round) => speed / rates[round]!));
  const [speed, rate] = [speeds, rates].map((all) => ({ median: median(all), best: Math.max(...all) }));
  const bestShare = speed!.best / rate!.best;
  const show = ({ median, best }: { median: number; best: number }) =>
    `${median.toFixed(1)} (${best.toFixed(1)}) GFLOP/s`;
  return {
    note: `${gigaflops.toFixed(1)} GFLOP a step (what causality leaves out not counted) at ${show(speed!)}; ` +
      `matmul 512×1408×512 in the same rounds at ${show(rate!)}: ${percent(share)} (${percent(bestShare)}) of it`,
    figures: {
      gigaflopsPerStep: gigaflops,
      gigaflopsPerSecond: speed!.median,
      gigaflopsPerSecondBest: speed!.best,
      matmulGigaflopsPerSecond: rate!.median,
      matmulGigaflopsPerSecondBest: rate!.best,
      shareOfMatmul: share,
      shareOfMatmulBest: bestShare,
    },
  };
}

/**
 * Trains everyone for a few steps from the same weights.
 *
 * @throws {RangeError} if the first losses differ by more than 1e-4, or later ones by more than 1e-3
 */
export async function compareLosses(trainers: readonly Trainer[], steps: number = comparedSteps): Promise<string[]> {
  const losses = trainers.map((): number[] => []);
  for (let step = 0; step < steps; step++) {
    for (const [i, trainer] of trainers.entries()) losses[i]!.push(await trainer.step());
  }
  const [first, ...others] = losses;
  const shown = first!.map((loss) => loss.toFixed(4)).join(", ");
  return others.map((other, i) => {
    const differences = other.map((loss, step) => Math.abs(loss - first![step]!));
    // Written so that a loss that is not a number fails.
    const wrong = differences.findIndex((difference, step) => !(difference <= (step === 0 ? 1e-4 : 1e-3)));
    const names = `${trainers[i + 1]!.name} and ${trainers[0]!.name}`;
    if (wrong >= 0) {
      throw new RangeError(
        `Cannot compare "${names}": after ${wrong} steps their losses are ${other[wrong]} and ${first![wrong]}`,
      );
    }
    return `losses of ${names} differ by ${differences.map((d) => d.toExponential(0)).join(", ")} (they are ${shown})`;
  });
}

/** Operations of a run; of causal attention only the half that is needed. */
export function countFlops({ calls }: Pick<Plan, "calls">): number {
  return calls.reduce((sum, call) => {
    const causal = "causal" in call.attributes && call.attributes.causal;
    return sum + costOf(call).flops * (causal ? 0.5 : 1);
  }, 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
