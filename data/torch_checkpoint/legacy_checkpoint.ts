/**
 * PyTorch's format before 1.6: five pickles (magic number, protocol, system, contents, storage keys), then the
 * storages in the order of their keys.
 *
 * @module
 */
import { byteSource } from "../byte_source.ts";
import { ByteCursor } from "./byte_cursor.ts";
import { legacyMagic } from "./format.ts";
import { unpickle } from "./pickle.ts";
import { PickleDict, PickleList, type PickleValue } from "./pickle_values.ts";
import { StorageTable } from "./storages.ts";

const formatVersion = 1001;

/**
 * What the file's fourth pickle builds, every storage filled with its bytes.
 *
 * @throws {WeightError} where a pickle is damaged, the file is of another machine, or storages are cut off
 */
export function readLegacyCheckpoint(file: Uint8Array): PickleValue {
  const cursor = new ByteCursor(file, { what: "legacy file", start: legacyMagic.length });
  const at = cursor.position;
  const version = unpickle(cursor);
  if (version !== formatVersion) throw cursor.error(`its format is ${String(version)}, not ${formatVersion}`, at);
  const system = unpickle(cursor);
  if (!(system instanceof PickleDict) || system.entries.get("little_endian") !== true) {
    throw cursor.error("it was written on a big-endian machine, only little-endian numbers are read", at);
  }
  const table = new StorageTable();
  const root = unpickle(cursor, { outside: (id, error) => table.resolve(id, error) });
  fillStorages(cursor, table);
  return root;
}

/** Reads the list of keys, then for each key the number of elements and the elements. */
function fillStorages(cursor: ByteCursor, { storages }: StorageTable): void {
  const at = cursor.position;
  const keys = unpickle(cursor);
  const listed = new Set(keys instanceof PickleList ? keys.items : []);
  if (!(keys instanceof PickleList) || listed.size !== storages.size || keys.items.length !== storages.size) {
    throw cursor.error(`the list of storages does not have the ${storages.size} that the pickle names`, at);
  }
  for (const key of keys.items) {
    const start = cursor.position;
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined) throw cursor.error("the list has a storage that the pickle does not name", at);
    const length = cursor.uint64();
    if (length !== storage.length) {
      throw cursor.error(`a storage of ${storage.length} elements has ${length} of them`, start);
    }
    storage.fill(byteSource(cursor.take(storage.byteLength)));
  }
  if (cursor.left > 0) throw cursor.error(`${cursor.left} bytes belong to no storage`, cursor.position);
}
