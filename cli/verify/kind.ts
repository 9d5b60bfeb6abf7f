/**
 * What a kind of golden case is.
 *
 * @module
 */
import type { Backend } from "../../core/backend.ts";
import type { Check } from "./check.ts";
import type { Document, Golden } from "./golden.ts";

/** What a case runs on. */
export interface VerifyContext {
  /** Makes a backend for one case; its memory goes with the case. */
  createBackend(): Promise<Backend>;
  /** Most parameters a model may have here; larger ones are skipped. */
  readonly maxParameters: number;
}

/** One kind of golden case. */
export interface CaseKind {
  /** What messages call it. */
  readonly name: string;
  /** Whether a document is of this kind, told by its content alone. */
  recognises(document: Document): boolean;
  /** Runs a case; an exception counts as one failed stage. */
  run(golden: Golden, context: VerifyContext): AsyncIterable<Check>;
}

/** Whether a value is an object and not a list. */
export function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a document has all these keys. */
export function hasKeys(document: Document, ...keys: string[]): boolean {
  return keys.every((key) => Object.hasOwn(document, key));
}

/** The line of a case that a slow backend leaves out. */
export function tooLarge(parameters: number): Check {
  const detail = `${parameters} parameters take the reference backend minutes; --large runs them too`;
  return { stage: "all", status: "skipped", detail };
}
