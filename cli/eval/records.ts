/**
 * Files to evaluate on: a line of JSON for each question about an image.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import { type CaptionLanguage, captionLanguage } from "../../data/metrics/mod.ts";

/** A line of an evaluation file. */
export interface EvalRecord {
  /** Number of the line, from 1 on. */
  readonly line: number;
  /** Image file within the folder of images, or a data URI. */
  readonly image: string;
  /** What is asked about it. */
  readonly prompt: string;
  /** Good answers, at least one. */
  readonly references: readonly string[];
  /** Language of the references: what the line says, or what they are written in. */
  readonly language: CaptionLanguage;
  /** What the question belongs to, for instance what it asks for. */
  readonly group?: string | undefined;
}

/** Options of {@link readRecords}. */
export interface ReadRecordsOptions {
  /** Lines that are taken, from the first on. Default all. */
  readonly limit?: number | undefined;
}

/**
 * Reads an evaluation file. `references` may also be one text, `answer`, as in files of questions.
 *
 * @throws {ConfigError} naming the file and the line that is wrong, or if there is none
 */
export async function readRecords(path: string, { limit = Infinity }: ReadRecordsOptions = {}): Promise<EvalRecord[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const missing = cause instanceof Deno.errors.NotFound;
    throw new ConfigError(`Cannot read "${path}": ${missing ? "there is no such file" : cause}`, { cause });
  }
  const records: EvalRecord[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (records.length === limit) break;
    if (line.trim() !== "") records.push(parseRecord(line, { path, line: index + 1 }));
  }
  if (records.length === 0) throw new ConfigError(`Cannot evaluate on "${path}": it has no lines`);
  return records;
}

function parseRecord(text: string, { path, line }: { readonly path: string; readonly line: number }): EvalRecord {
  const fail = (problem: string, cause?: unknown) => {
    return new ConfigError(`Cannot read "${path}": line ${line} ${problem}`, { cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail("is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("is not a JSON object");
  const fields: { readonly [key: string]: unknown } = { ...value };
  const { image, prompt, answer, references = answer === undefined ? [] : [answer], language, group } = fields;
  if (!isText(image)) throw fail('has no "image"');
  if (!isText(prompt)) throw fail('has no "prompt"');
  if (!Array.isArray(references) || references.length === 0 || !references.every(isText)) {
    throw fail('has no "references", a list of texts');
  }
  if (language !== undefined && language !== "en" && language !== "zh") {
    throw fail('has a "language" other than en, zh');
  }
  if (group !== undefined && !isText(group)) throw fail('has a "group" that is no text');
  return { line, image, prompt, references, language: language ?? captionLanguage(references), group };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}
