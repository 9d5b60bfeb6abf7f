/**
 * Where our training step spends its time: each kernel's calls alone, as a program of their own.
 *
 * @module
 */
import type { Backend, KernelName, Plan, Program, Storage } from "../../engine.ts";
import { adamwSettings, planOptimiser } from "../../trainers/optimiser.ts";
import type { TrainStep } from "../../trainers/train_step.ts";
import { median } from "../harness.ts";
import { countFlops, type TrainingReport, type TrainingSides } from "./training.ts";
import { adamw, batch, usual } from "./training_case.ts";
import { trainOurs } from "./training_ours.ts";

/** Time and work of all calls of one kernel. */
interface Row {
  readonly kernel: string;
  readonly calls: number;
  readonly gigaflops: number;
  /** Median, in milliseconds. */
  readonly median: number;
  /** Shortest, in milliseconds. */
  readonly best: number;
}

/** Measures milliseconds of each kernel in one step; the numbers in its operands are not those of a step. */
export async function kernels({ side, rounds }: TrainingSides): Promise<TrainingReport> {
  const { train, dispose } = trainOurs(side.backend, side.name);
  const optimiser = planOptimiser([{ name: "all", parameters: train.parameters }]);
  const parts = [train.plan, optimiser].flatMap((plan) => {
    return [...new Set(plan.calls.map(({ kernel }) => kernel))].map((kernel) => ({ kernel, plan: only(plan, kernel) }));
  });
  const times = parts.map((): number[] => []);
  for (let round = 0; round < rounds; round++) { // in turn, so that a moment of noise does not fall on one kernel
    for (const [i, { plan }] of parts.entries()) times[i]!.push(await time(side.backend, plan, { train }));
  }
  await dispose();
  const rows = parts.map(({ kernel, plan }, i) => rowOf(kernel, plan, { times: times[i]! }));
  const merged = mergeRows(rows).sort((a, b) => b.best - a.best);
  return {
    results: [],
    notes: [`kernels alone, ms best / median (${side.name}):`, ...formatRows(merged)],
    figures: Object.fromEntries(merged.map(({ kernel, best }) => [kernel, best])),
  };
}

function rowOf(kernel: string, { calls }: Plan, { times }: { readonly times: readonly number[] }): Row {
  const gigaflops = countFlops({ calls }) / 1e9;
  return { kernel, calls: calls.length, gigaflops, median: median(times), best: Math.min(...times) };
}

/** The plan with the calls of one kernel only; operands stay where they were. */
function only(plan: Plan, kernel: KernelName): Plan {
  return { ...plan, calls: plan.calls.filter((call) => call.kernel === kernel) };
}

/** Milliseconds of one run after an unmeasured one. */
async function time(backend: Backend, plan: Plan, { train }: { readonly train: TrainStep }): Promise<number> {
  const storages = new Map<string, Storage>();
  for (const name of plan.storages.keys()) storages.set(name, train.storage(name)!);
  using program = backend.load(plan, storages); // loaded anew each time: many arenas at once would not fit
  writeInputs(program);
  const [output] = plan.outputs.keys();
  let start = 0;
  for (let run = 0; run < 2; run++) {
    start = performance.now();
    program.run();
    await program.read(output!);
  }
  return performance.now() - start;
}

function writeInputs(program: Program): void {
  const { ids, targets } = batch(usual);
  const values = {
    ids,
    targets,
    limit: new Float32Array([1]),
    "settings.all": adamwSettings(adamw.learningRate, 1, adamw),
  };
  for (const [name, value] of Object.entries(values)) if (program.plan.inputs.has(name)) program.write(name, value);
}

/** Rows of kernels that both programs call added up. */
function mergeRows(rows: readonly Row[]): Row[] {
  return [...Map.groupBy(rows, ({ kernel }) => kernel).values()].map((group) =>
    group.reduce((a, b) => ({
      kernel: a.kernel,
      calls: a.calls + b.calls,
      gigaflops: a.gigaflops + b.gigaflops,
      median: a.median + b.median,
      best: a.best + b.best,
    }))
  );
}

function formatRows(rows: readonly Row[]): string[] {
  const total = rows.reduce((sum, { best }) => sum + best, 0);
  const cell = (value: number, width: number) => value.toFixed(1).padStart(width);
  const lines = rows.map(({ kernel, calls, gigaflops, median, best }) => {
    const rate = gigaflops > 1 ? `  ${cell(gigaflops / best * 1000, 5)} GFLOP/s` : "";
    return `  ${kernel.padEnd(22)}${String(calls).padStart(4)} calls${cell(best, 8)} /${cell(median, 7)}${
      cell(100 * best / total, 6)
    } %${rate}`;
  });
  return [
    ...lines,
    `  ${"together".padEnd(32)}${cell(total, 8)} /${cell(rows.reduce((sum, r) => sum + r.median, 0), 7)}`,
  ];
}
