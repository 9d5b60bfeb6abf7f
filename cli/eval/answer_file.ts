/**
 * The file that answers go to: a line of JSON for each, written as it is given.
 *
 * @module
 */
import type { EvalAnswer } from "./answer_all.ts";
import type { EvalRecord } from "./records.ts";

/** Takes answers as they come. */
export interface AnswerFile extends Disposable {
  /** Writes a line. */
  write(record: EvalRecord, answer: EvalAnswer): void;
}

/** Opens the file and empties it. */
export function openAnswerFile(path: string): AnswerFile {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  return {
    write({ image, prompt, references, language, group }, { text }) {
      const line = { image, prompt, text, references, language, group };
      const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    },
    [Symbol.dispose]: () => file.close(),
  };
}
