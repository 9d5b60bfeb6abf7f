/**
 * PyTorch's zip format (since 1.6): one pickle, and one record for each storage.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import type { ByteSource } from "../byte_source.ts";
import { ByteCursor } from "./byte_cursor.ts";
import { crc32 } from "../crc32.ts";
import { unpickle } from "./pickle.ts";
import type { PickleValue } from "./pickle_values.ts";
import { StorageTable } from "./storages.ts";
import { readZip, type ZipRecord } from "./zip.ts";

/** Options of {@link readZipCheckpoint}. */
export interface ZipCheckpointOptions {
  /** Whether to compare every record that is used with its CRC-32. */
  readonly checksums: boolean;
  /** Whether to do so only when something of a record is read. */
  readonly lazily: boolean;
  /** Makes the error that is thrown then. */
  readonly onDamage: (error: WeightError) => WeightError;
}

const pickleName = "/data.pkl";

/** Bytes of a record that are in memory while it is checked. */
const checkedAtOnce = 2 ** 20;

/**
 * What the archive's pickle builds, every storage filled with its record's bytes.
 *
 * @throws {WeightError} where archive, pickle or a record is damaged or not what the others say of it
 */
export function readZipCheckpoint(
  file: ByteSource,
  { checksums, lazily, onDamage }: ZipCheckpointOptions,
): PickleValue {
  const readRecord = (record: ZipRecord) => {
    if (checksums) checkRecord(record);
    return record.source.read(0, record.source.length);
  };
  const records = readZip(file);
  const pickles = [...records.keys()].filter((name) => name.endsWith(pickleName));
  const [name] = pickles;
  if (name === undefined) throw fail("data.pkl", "the zip archive has no such record, so it is not a checkpoint");
  if (pickles.length > 1) throw fail("data.pkl", `the zip archive has ${pickles.length} such records`);
  const folder = name.slice(0, -pickleName.length);
  if (records.has(`${folder}/constants.pkl`)) {
    throw fail("data.pkl", "the archive is a TorchScript program; save the model's state_dict() instead");
  }
  const byteOrder = records.get(`${folder}/byteorder`);
  if (byteOrder !== undefined) checkByteOrder(new TextDecoder().decode(readRecord(byteOrder).subarray(0, 16)));
  const table = new StorageTable();
  const cursor = new ByteCursor(readRecord(records.get(name)!), { what: "data.pkl" });
  const root = unpickle(cursor, { outside: (id, error) => table.resolve(id, error) });
  if (cursor.left > 0) throw fail("data.pkl", `${cursor.left} bytes follow the pickle`);
  for (const storage of table.storages.values()) {
    const record = records.get(`${folder}/data/${storage.key}`);
    const thing = `data/${storage.key.slice(0, 100)}`;
    if (record === undefined) throw fail(thing, "the pickle names it, but the archive has no such record");
    const { length } = record.source;
    if (length !== storage.byteLength) {
      const elements = `${storage.length} elements of ${storage.dtype}`;
      throw fail(thing, `it has ${length} bytes, but ${elements} take ${storage.byteLength}`);
    }
    if (checksums && !lazily) checkRecord(record);
    storage.fill(checksums && lazily ? checkedSource(record, onDamage) : record.source);
  }
  return root;
}

/** A record that is checked when something of it is first read. */
function checkedSource(record: ZipRecord, onDamage: ZipCheckpointOptions["onDamage"]): ByteSource {
  const { source } = record;
  let checked = false;
  return {
    length: source.length,
    read(begin, end, into) {
      if (checked) return source.read(begin, end, into);
      const whole = end - begin === source.length ? source.read(begin, end, into) : undefined;
      try {
        checkRecord(record, whole);
      } catch (error) {
        throw error instanceof WeightError ? onDamage(error) : error;
      }
      checked = true;
      return whole ?? source.read(begin, end, into);
    },
  };
}

/**
 * Throws unless a record is intact. A CRC of 0 is what PyTorch writes when it is told to compute none. `whole` is all of
 * it where it was read already.
 */
function checkRecord({ name, source, crc32: expected }: ZipRecord, whole?: Uint8Array): void {
  if (expected === 0) return;
  const scratch = new Uint8Array(whole === undefined ? Math.min(checkedAtOnce, source.length) : 0);
  let actual = whole === undefined ? 0 : crc32(whole);
  for (let begin = whole?.length ?? 0; begin < source.length; begin += checkedAtOnce) {
    actual = crc32(source.read(begin, Math.min(source.length, begin + checkedAtOnce), scratch), actual);
  }
  if (actual === expected) return;
  const hex = (crc: number) => crc.toString(16).padStart(8, "0");
  throw fail(name.slice(0, 100), `the record is damaged: its CRC-32 is ${hex(actual)}, expected ${hex(expected)}`);
}

function checkByteOrder(order: string): void {
  if (order !== "little") throw fail("byteorder", `numbers are ${JSON.stringify(order)}-endian, only little is read`);
}

function fail(thing: string, problem: string): WeightError {
  return new WeightError(`Cannot read PyTorch ${JSON.stringify(thing)}: ${problem}`);
}
