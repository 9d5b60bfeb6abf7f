/**
 * Reads the directory of a zip archive whose records are stored plainly, as PyTorch writes them.
 *
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. Only the central directory tells sizes:
 * PyTorch's local headers leave them to a data descriptor.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { type ByteSource, sliceSource } from "../byte_source.ts";
import { ByteCursor } from "./byte_cursor.ts";

/** One record of an archive. */
export interface ZipRecord {
  /** Name, with folders. */
  readonly name: string;
  /** Its bytes. */
  readonly source: ByteSource;
  /** CRC-32 of the bytes as the directory has it. */
  readonly crc32: number;
}

/** A place in the file that no other record may share. */
interface Extent {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator: 0x07064b50 };
const what = "zip directory";

/**
 * The records of an archive by name, their CRCs unchecked.
 *
 * @throws {WeightError} where the directory is missing, claims what the file does not have, or has records that are
 *   compressed, encrypted, overlapping or of one name
 */
export function readZip(file: ByteSource): Map<string, ZipRecord> {
  const { count, offset, size } = findDirectory(file);
  if (offset + size > file.length) throw fail(`it claims bytes ${offset} to ${offset + size} of ${file.length}`);
  const cursor = new ByteCursor(file.read(offset, offset + size), { what, origin: offset });
  const records = new Map<string, ZipRecord>();
  const extents: Extent[] = [];
  for (let i = 0; i < count; i++) {
    const entry = readEntry(cursor);
    const start = findData(file, { ...entry, limit: offset });
    if (records.has(entry.name)) throw fail(`it has ${quote(entry.name)} twice`);
    const end = start + entry.size;
    if (end > offset) throw fail(`${quote(entry.name)} claims ${entry.size} bytes from byte ${start} on`);
    records.set(entry.name, { name: entry.name, crc32: entry.crc32, source: sliceSource(file, start, end) });
    extents.push({ name: entry.name, start: entry.header, end });
  }
  // Shared bytes would let a small file claim any amount of data to be checked.
  extents.sort((a, b) => a.start - b.start).forEach(({ name, start }, i) => {
    const before = extents[i - 1];
    if (before !== undefined && start < before.end) throw fail(`${quote(name)} overlaps ${quote(before.name)}`);
  });
  return records;
}

/** Where the central directory lies, from the record at the end of the file. */
function findDirectory(file: ByteSource): { count: number; offset: number; size: number } {
  const length = 22;
  const start = Math.max(0, file.length - length - 0xffff);
  const view = viewOf(file.read(start, file.length));
  for (let at = view.byteLength - length; at >= 0; at--) {
    const end = at + length + view.getUint16(at + 20, true);
    if (view.getUint32(at, true) !== signatures.end || end !== view.byteLength) continue;
    return findDirectory64(file, start + at) ?? {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    };
  }
  throw fail(`it is missing: the file is cut off, at ${file.length} bytes`);
}

/** The same from the wider record that PyTorch always writes; undefined where there is none. */
function findDirectory64(file: ByteSource, end: number): { count: number; offset: number; size: number } | undefined {
  const place = end - 20;
  if (place < 0) return undefined;
  const locator = viewOf(file.read(place, end));
  if (locator.getUint32(0, true) !== signatures.locator) return undefined;
  const at = Number(locator.getBigUint64(8, true));
  const record = at + 56 > place ? undefined : viewOf(file.read(at, at + 56));
  if (record?.getUint32(0, true) !== signatures.end64) throw fail(`its zip64 record is not at byte ${at}`);
  const number = (offset: number) => Number(record.getBigUint64(offset, true));
  return { count: number(32), size: number(40), offset: number(48) };
}

/** What the central directory says of one record. */
interface Entry {
  readonly name: string;
  readonly crc32: number;
  readonly size: number;
  readonly header: number;
}

function readEntry(cursor: ByteCursor): Entry {
  const at = cursor.position;
  if (cursor.uint32() !== signatures.central) throw cursor.error("an entry has the wrong signature", at);
  cursor.take(4); // versions
  const flags = cursor.uint16();
  const method = cursor.uint16();
  cursor.take(4); // time and date
  const crc32 = cursor.uint32();
  const compressed = cursor.uint32();
  const size = cursor.uint32();
  const lengths = { name: cursor.uint16(), extra: cursor.uint16(), comment: cursor.uint16() };
  cursor.take(8); // disk and attributes
  const header = cursor.uint32();
  const name = cursor.text(lengths.name);
  const extra = cursor.take(lengths.extra);
  cursor.take(lengths.comment);
  if (method !== 0) throw cursor.error(`${quote(name)} is compressed, which PyTorch's own files are not`, at);
  if ((flags & 1) !== 0) throw cursor.error(`${quote(name)} is encrypted`, at);
  const [wideSize, wideCompressed, wideHeader] = widen([size, compressed, header], extra);
  if (wideSize !== wideCompressed) throw cursor.error(`${quote(name)} has two sizes`, at);
  return { name, crc32, size: wideSize, header: wideHeader };
}

/** Replaces what does not fit 32 bits by its value in the zip64 field. */
function widen(numbers: readonly [number, number, number], extra: Uint8Array): [number, number, number] {
  const fields = new ByteCursor(extra, { what });
  while (fields.left >= 4) {
    const id = fields.uint16();
    const field = new ByteCursor(fields.take(fields.uint16()), { what });
    if (id === 1) return numbers.map((each) => each === 0xffffffff ? field.uint64() : each) as [number, number, number];
  }
  return [...numbers];
}

/** Bytes of a local header before the name. */
const headerBytes = 30;

/** First data byte of a record, behind its local header; no record reaches beyond `limit`. */
function findData(file: ByteSource, { name, header, limit }: Entry & { readonly limit: number }): number {
  const start = header + headerBytes > limit ? undefined : viewOf(file.read(header, header + headerBytes));
  if (start?.getUint32(0, true) !== signatures.local) throw fail(`${quote(name)} is not at byte ${header}`);
  const lengths = { name: start.getUint16(26, true), extra: start.getUint16(28, true) };
  const from = header + headerBytes;
  const rest = file.read(from, Math.min(limit, from + lengths.name + lengths.extra));
  const cursor = new ByteCursor(rest, { what: "zip record", origin: from });
  if (cursor.text(lengths.name) !== name) {
    throw cursor.error(`the record of ${quote(name)} bears another name`, -headerBytes);
  }
  cursor.take(lengths.extra);
  return from + cursor.position;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}

function fail(problem: string): WeightError {
  return new WeightError(`Cannot read PyTorch "${what}": ${problem}`);
}
