/**
 * Races runners and compares their outputs.
 *
 * @module
 */
import { maxDifference, race } from "../harness.ts";
import type { Report, Runner } from "./side.ts";

/** Runs a race, compares every output with the first contender's, and disposes of them all. */
export async function raceAndCompare(
  runners: readonly Runner[],
  { work, amount, unit, rounds }: { work: string; amount: number; unit: string; rounds: number },
): Promise<Report> {
  const results = await race({ work, amount, unit, rounds, contenders: runners });
  const [first, ...others] = runners;
  const notes: string[] = [];
  const expected = await first!.output();
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const other of others) {
    const difference = maxDifference(await other.output(), expected).toExponential(1);
    notes.push(
      `${work}: ${other.name} differs from ${first!.name} by at most ${difference} (of ${largest.toFixed(1)})`,
    );
  }
  for (const runner of runners) await runner.dispose();
  return { results, notes };
}
