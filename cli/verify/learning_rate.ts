/**
 * Golden cases of learning rates: upstream's `get_lr` at some steps of some runs.
 *
 * @module
 */
import { cosineSchedule } from "../../trainers/schedule.ts";
import { type Check, within } from "./check.ts";
import type { Golden } from "./golden.ts";
import { type CaseKind, hasKeys } from "./kind.ts";
import { tolerances } from "./tolerances.ts";

/** A document of this kind. */
interface LearningRateCase {
  /** What upstream's trainer passes for the first step: 0 in generation 2, 1 in generation 3. */
  readonly first_step_argument: 0 | 1;
  readonly tables: readonly {
    readonly total_steps: number;
    readonly learning_rate: number;
    readonly values: readonly (readonly [argument: number, rate: number])[];
  }[];
}

/** Learning rates. */
export const learningRateKind: CaseKind = {
  name: "learning rate",
  recognises: (document) => hasKeys(document, "first_step_argument", "tables"),
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const { first_step_argument: first, tables } = golden.document as unknown as LearningRateCase;
  const generation = first === 0 ? 2 : 3;
  for (const { total_steps: totalSteps, learning_rate: learningRate, values: all } of tables) {
    const values = all.filter(([argument]) => argument >= first); // a table may begin before the first step
    const schedule = cosineSchedule({ learningRate, totalSteps, generation });
    yield await Promise.resolve(within(`total_steps.${totalSteps}`, {
      actual: values.map(([argument]) => schedule(argument - first)),
      expected: values.map(([, rate]) => rate),
      tolerance: tolerances.learningRate,
    }));
  }
}
