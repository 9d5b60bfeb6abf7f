/**
 * The storages that a pickle names by persistent ids: each one once, whatever shares it.
 *
 * @module
 */
import { readSize } from "./globals.ts";
import { describe, type MakeError, PickleTuple, type PickleValue } from "./pickle_values.ts";
import { TorchStorage } from "./tensor.ts";

/** Collects storages while a pickle runs; their bytes come later, from elsewhere in the file. */
export class StorageTable {
  /** Storages by key, in the order the pickle names them. */
  readonly storages: ReadonlyMap<string, TorchStorage>;
  readonly #storages = new Map<string, TorchStorage>();

  /** Starts empty. */
  constructor() {
    this.storages = this.#storages;
  }

  /** The storage of a persistent id `("storage", class, key, device, elements, view)`, the last in old files only. */
  resolve(id: PickleValue, error: MakeError): TorchStorage {
    const [kind, type, key, , length, view = null] = id instanceof PickleTuple ? id.items : [];
    const dtype = typeof type === "object" && type !== null && "storage" in type ? type.storage : undefined;
    if (kind !== "storage" || typeof key !== "string") throw error(`${describe(id)} is not the id of a storage`);
    if (dtype === undefined) throw error(`${type === undefined ? "nothing" : describe(type)} is not a storage class`);
    if (view !== null) throw error(`storage ${JSON.stringify(key.slice(0, 100))} is a view of another one`);
    const known = this.#storages.get(key);
    const storage = known ?? new TorchStorage({ key, dtype, length: readSize(length, error) });
    if (storage.dtype !== dtype || storage.length !== length) {
      throw error(`storage ${JSON.stringify(key.slice(0, 100))} has two types or lengths`);
    }
    this.#storages.set(key, storage);
    return storage;
  }
}
