/**
 * What recomputing activations saves and costs: the same step with them kept and with blocks computed again.
 *
 * @module
 */
import { race } from "../harness.ts";
import { clocked, processorTime, type TrainingReport, type TrainingSides } from "./training.ts";
import { usual } from "./training_case.ts";
import { trainOurs } from "./training_ours.ts";

/** Rows of the batches that are measured. */
const batches = [2, 8] as const;

/** Measures memory of temporaries and time of whole steps. */
export async function recompute({ side, rounds }: TrainingSides): Promise<TrainingReport> {
  const results = [];
  const notes: string[] = [];
  const figures: Record<string, number> = {};
  for (const rows of batches) {
    const [kept, again] = [false, true].map((recompute) => {
      return trainOurs(side.backend, `${recompute ? "recomputed" : "kept"} (${side.name})`, { rows, recompute });
    });
    const contenders = [kept!, again!].map((trainer) => ({ name: trainer.name, ...clocked(trainer) }));
    const work = `train step, ${rows} rows`;
    results.push(...await race({ work, amount: rows * usual.sizes.tokens, unit: "tok/s", rounds, contenders }));
    const [large, small] = [kept!, again!].map(({ train }) => train.plan.arenaBytes / 1e6);
    notes.push(`temporaries of ${rows} rows: ${large!.toFixed(1)} MB kept, ${small!.toFixed(1)} MB recomputed`);
    notes.push(processorTime(contenders));
    figures[`keptMegabytes${rows}`] = large!;
    figures[`recomputedMegabytes${rows}`] = small!;
    for (const trainer of [kept!, again!]) await trainer.dispose();
  }
  return { results, notes, figures };
}
