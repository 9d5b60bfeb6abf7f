/**
 * The reference backend: every kernel as plain loops that accumulate in f64 and store f32. It is the oracle that
 * other backends are tested against, and it runs wherever JavaScript does.
 *
 * @module
 */
import type { Backend, HostData, Program, Storage, Storages } from "../../core/backend.ts";
import type { Plan } from "../../core/graph/plan.ts";
import type { StorageSpec } from "../../core/graph/tensor.ts";
import { checkProducts, checkWrite } from "../../core/storages.ts";
import { ReferenceStorage } from "./memory.ts";
import { ReferenceProgram } from "./program.ts";

/** Creates a reference backend. It holds no memory of its own, so disposing of it does nothing. */
export function createReferenceBackend(): Backend {
  const name = "reference";
  // A typed array holds at most 2³² elements; four bytes each would ask for more than engines give.
  const capabilities = { f16: false, training: true, maxStorageBytes: 2 ** 32, threads: 1 };
  return {
    name,
    capabilities,
    alloc: (spec: StorageSpec): Storage => new ReferenceStorage(spec),
    free: (storage: Storage): void => own(storage).free(),
    write: (storage: Storage, data: HostData, offset = 0): void => {
      const { data: target } = own(storage);
      checkWrite(storage.spec, data, { offset, whole: false });
      target.set(data, offset);
    },
    read: (storage: Storage): Promise<HostData> => Promise.resolve(own(storage).data.slice()),
    load: (plan: Plan, storages: Storages): Program => {
      checkProducts(plan, { name, capabilities });
      return new ReferenceProgram(plan, storages);
    },
    [Symbol.asyncDispose]: (): Promise<void> => Promise.resolve(),
  };
}

function own(storage: Storage): ReferenceStorage {
  if (storage instanceof ReferenceStorage) return storage;
  throw new TypeError(`Cannot use storage "${storage.spec.name}": it belongs to another backend`);
}
