/**
 * Writes a zip archive of plain records whose data starts at multiples of 64 bytes, as PyTorch lays them out.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { crc32 } from "../crc32.ts";

/** A record to be written. */
export interface RecordToWrite {
  /** Name, with folders; ASCII. */
  readonly name: string;
  /** Its bytes; asked for once, when it is the record's turn. */
  toBytes(): Uint8Array;
}

/** Bytes that the data of every record is aligned to, so that it can be mapped into memory. */
const alignment = 64;

/** First day that the format knows, in its own form: no clock, so that equal contents make equal files. */
const date = 0x21;

const localBytes = 30;
const centralBytes = 46;
const endBytes = 22;

/** Offsets and counts that the plain format, without zip64, can hold. */
const limits = { bytes: 0xffffffff, records: 0xffff };

/**
 * The archive in pieces, never more than one record in memory.
 *
 * @throws {WeightError} if it grows over 4 GB or 65535 records
 */
export function* zipChunks(records: Iterable<RecordToWrite>): Generator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, toBytes } of records) {
    const data = toBytes();
    const label = new TextEncoder().encode(name);
    const unpadded = offset + localBytes + label.length + 4;
    const padding = (alignment - unpadded % alignment) % alignment;
    const start = unpadded + padding;
    if (start + data.length > limits.bytes) throw new WeightError(`Cannot write "${name}": the archive is over 4 GB`);
    const checksum = crc32(data);

    const local = new Uint8Array(start - offset);
    writeFields(local, { signature: 0x04034b50, at: 4, checksum, size: data.length, name: label });
    const extra = new DataView(local.buffer, localBytes + label.length);
    local.fill(0x5a, localBytes + label.length + 4);
    extra.setUint16(0, 0x4246, true); // "FB", as PyTorch marks its padding
    extra.setUint16(2, padding, true);
    new DataView(local.buffer).setUint16(28, 4 + padding, true);
    yield local;
    yield data;

    const central = new Uint8Array(centralBytes + label.length);
    writeFields(central, { signature: 0x02014b50, at: 6, checksum, size: data.length, name: label });
    new DataView(central.buffer).setUint16(4, 20, true);
    new DataView(central.buffer).setUint32(42, offset, true);
    directory.push(central);
    offset = start + data.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  if (directory.length > limits.records || offset + size > limits.bytes) {
    throw new WeightError(`Cannot write "zip directory": ${directory.length} records are too many`);
  }
  yield* directory;
  const end = new DataView(new ArrayBuffer(endBytes));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, directory.length, true);
  end.setUint16(10, directory.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  yield new Uint8Array(end.buffer);
}

/** What a local header and an entry of the directory have in common; `at` is where it starts. */
function writeFields(
  bytes: Uint8Array<ArrayBuffer>,
  { signature, at, checksum, size, name }: {
    readonly signature: number;
    readonly at: number;
    readonly checksum: number;
    readonly size: number;
    readonly name: Uint8Array;
  },
): void {
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  view.setUint16(at, 20, true); // version of the format
  view.setUint16(at + 2, 0x0800, true); // names are UTF-8
  view.setUint16(at + 8, date, true);
  view.setUint32(at + 10, checksum, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
  bytes.set(name, at === 4 ? localBytes : centralBytes);
}
