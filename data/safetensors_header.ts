/**
 * The header of a safetensors file: parsed, and every claim in it checked against the file.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { elementCount, formatShape } from "../core/graph/tensor.ts";
import type { ByteSource } from "./byte_source.ts";
import { findRepeatedKey } from "./json_keys.ts";

/** Element types of a file that can be read. */
export type SafetensorsType = "F64" | "I64" | "F32" | "I32" | "F16" | "BF16" | "I8" | "U8" | "BOOL";

const elementBytes: Readonly<Record<SafetensorsType, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** What the header says of one tensor. */
export interface SafetensorsEntry {
  /** Name in the file. */
  readonly name: string;
  /** Element type. */
  readonly dtype: SafetensorsType;
  /** Extents, slowest first. */
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  /** Byte after the last. */
  readonly end: number;
}

/** A header whose entries cover the file's data exactly. */
export interface SafetensorsHeader {
  /** Free text entries. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors in the order of the header. */
  readonly entries: readonly SafetensorsEntry[];
  /** Byte of the file where the data starts. */
  readonly dataStart: number;
}

/** Longest header the format's own reader accepts. */
const maxHeaderBytes = 100_000_000;

/** Bytes of a tensor. */
export function sizeOf(dtype: SafetensorsType, shape: readonly number[]): number {
  return elementCount(shape) * elementBytes[dtype];
}

/** Parses and checks the header of a file. @throws {WeightError} naming tensor and byte */
export function parseHeader(file: ByteSource): SafetensorsHeader {
  if (file.length < 8) fail("file", `it has ${file.length} bytes, too few for a header`);
  const start = file.read(0, 8);
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > maxHeaderBytes) fail("header", `it claims ${length} bytes at byte 0, the limit is ${maxHeaderBytes}`);
  if (8 + length > file.length) fail("header", `it claims ${length} bytes at byte 0, the file has ${file.length}`);
  const dataStart = 8 + length;
  const header = parseJson(file.read(8, dataStart));
  const { __metadata__: free = {}, ...tensors } = header;
  if (!isRecord(free)) fail("__metadata__", "it is not an object");
  const metadata = new Map(
    Object.entries(free).map(([key, value]) => {
      if (typeof value !== "string") fail(`__metadata__.${key}`, "it is not a string");
      return [key, value];
    }),
  );
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value));
  checkCoverage(entries, file.length - dataStart);
  return { metadata, entries, dataStart };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw new WeightError(`Cannot read safetensors "header": bytes 8 to ${8 + bytes.length} are not JSON`, { cause });
  }
  if (!isRecord(header)) fail("header", "it is not an object");
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) fail(repeated, "the header has the name twice");
  return header;
}

function parseEntry(name: string, value: unknown): SafetensorsEntry {
  if (!isRecord(value)) fail(name, "its header entry is not an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(elementBytes, dtype)) {
    fail(name, `its type ${JSON.stringify(dtype)} is not one of ${Object.keys(elementBytes).join(", ")}`);
  }
  if (!isCounts(shape)) fail(name, `its shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    fail(name, `its data_offsets ${JSON.stringify(offsets)} are not two bytes`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = sizeOf(dtype as SafetensorsType, shape);
  if (end - begin !== bytes) {
    fail(name, `${dtype} ${formatShape(shape)} takes ${bytes} bytes, its data_offsets are ${begin} to ${end}`);
  }
  return { name, dtype: dtype as SafetensorsType, shape, begin, end };
}

/** Every data byte must belong to exactly one tensor, so that nothing can hide and nothing is shared. */
function checkCoverage(entries: readonly SafetensorsEntry[], dataBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered) fail(name, `it overlaps the tensor before it from data byte ${begin} to ${covered}`);
    if (begin > covered) fail(name, `data bytes ${covered} to ${begin} before it belong to no tensor`);
    covered = end;
    if (end > dataBytes) fail(name, `it ends at data byte ${end}, the file has ${dataBytes}`);
  }
  if (covered < dataBytes) fail("file", `data bytes ${covered} to ${dataBytes} belong to no tensor`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function fail(thing: string, what: string): never {
  throw new WeightError(`Cannot read safetensors "${thing}": ${what}`);
}
