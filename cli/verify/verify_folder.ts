/**
 * Runs every golden case under a folder and tells the result of each stage.
 *
 * @module
 */
import type { CaseFiles } from "./case_files.ts";
import type { Check, Status } from "./check.ts";
import { findCases } from "./find_cases.ts";
import type { Golden } from "./golden.ts";
import type { VerifyContext } from "./kind.ts";
import { kindOf } from "./kinds.ts";

/** Options of {@link verifyFolder}. */
export interface VerifyOptions extends VerifyContext {
  /** Runs only the cases whose name matches. Default all. */
  readonly only?: RegExp | undefined;
  /** Is told each stage as it ends. */
  readonly report: (name: string, check: Check) => void;
}

/** How many stages ended how. */
export type Counts = Record<Status, number>;

/** Runs every case under a folder. An unknown kind, an exception, and a folder without any case are failures. */
export async function verifyFolder(files: CaseFiles, options: VerifyOptions): Promise<Counts> {
  const { only, report } = options;
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const tell = (name: string, check: Check) => {
    counts[check.status]++;
    report(name, check);
  };
  const fail = (name: string, detail: string) => tell(name, { stage: "all", status: "failed", detail });
  const wanted = ({ name }: { name: string }) => only === undefined || only.test(name);
  const { cases, unreadable } = await findCases(files);
  const [chosen, odd] = [cases.filter(wanted), unreadable.filter(wanted)];
  if (chosen.length + odd.length === 0) fail(files.name, only === undefined ? "no case" : `no case matches ${only}`);
  for (const { name, reason } of odd) fail(name, reason);
  for (const golden of chosen) {
    try {
      for await (const check of runCase(golden, options)) tell(golden.name, check);
    } catch (error) {
      fail(golden.name, error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }
  return counts;
}

async function* runCase(golden: Golden, context: VerifyContext): AsyncGenerator<Check> {
  const kind = kindOf(golden.document);
  if (kind !== undefined) return yield* kind.run(golden, context);
  const keys = Object.keys(golden.document).join(", ");
  yield { stage: "all", status: "failed", detail: `its kind is unknown: a document with ${keys || "no keys"}` };
}
