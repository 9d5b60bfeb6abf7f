/**
 * The contract of a backend: memory and kernels of one device. It knows no model and does no maths of its own.
 *
 * @module
 */
import type { Plan } from "./graph/plan.ts";
import type { StorageSpec } from "./graph/tensor.ts";

/** Numbers as the host holds them. */
export type HostData = Float32Array | Int32Array;

/** What a backend can do, read from the device and never assumed. */
export interface Capabilities {
  /** Whether f16 storage and arithmetic are there. */
  readonly f16: boolean;
  /** Whether the backward kernels are there. */
  readonly training: boolean;
  /** Largest single storage in bytes. */
  readonly maxStorageBytes: number;
  /** Type that `bindWeights` holds matrices in; a storage's own type says what it became. Default `f32`. */
  readonly weights?: "f32" | "f16" | undefined;
  /** Threads that share a run; 1 when there is no pool. */
  readonly threads: number;
}

/** Persistent memory of a backend, shared by programs: a weight, a KV cache, a state. */
export interface Storage {
  /** Name, type, shape and layout it was allocated for. */
  readonly spec: StorageSpec;
}

/** Storages by name. */
export type Storages = ReadonlyMap<string, Storage>;

/** A plan loaded on a device: recorded once, replayed at will. A replay allocates no device memory. */
export interface Program extends Disposable {
  /** The plan it runs. */
  readonly plan: Plan;
  /** Sets an input; it keeps its value over runs. */
  write(input: string, data: HostData): void;
  /** Runs every call once. Work may still be under way on the device when it returns. */
  run(): void;
  /** Waits for the work and copies an output to the host in C order. */
  read(output: string): Promise<HostData>;
  /**
   * Runs every call `times` over and copies an output after each time. All of it is handed to the device before the call
   * returns, so that further work may be queued behind it. Left out where a run costs no waiting.
   */
  runAhead?(times: number, output: string): Promise<readonly HostData[]>;
}

/** Memory and kernels of one device. */
export interface Backend extends AsyncDisposable {
  /** Name a config uses. */
  readonly name: string;
  /** Limits and abilities of the device. */
  readonly capabilities: Capabilities;
  /**
   * Settles with the reason once the device is gone by itself, and with it all that was in its memory: whoever wants to go
   * on creates another backend and loads again. Left out where that cannot happen.
   */
  readonly lost?: Promise<string> | undefined;
  /**
   * Allocates a zeroed storage in the layout that suits the device; the caller writes constants and parameters.
   *
   * @throws {TypeError} if the device cannot hold the type
   */
  alloc(spec: StorageSpec): Storage;
  /**
   * Told how many bytes are about to be allocated, so that memory can be made ready beside what the caller does until
   * then. Left out where it would gain nothing.
   */
  reserve?(bytes: number): void;
  /** Gives a storage back; programs bound to it must not run again. */
  free(storage: Storage): void;
  /**
   * Copies numbers in C order into a storage, from element `offset` (0) on; a matrix only whole. A {@link Backend.view}
   * that a matrix is written from may still be read after the call; whoever fills it again asks for the view again, which
   * waits.
   */
  write(storage: Storage, data: HostData, offset?: number): void;
  /**
   * The numbers of an f32 storage in rows, where the host can reach them: to fill it without a copy. They are where
   * they are until the next `alloc`. Left out where memory is a device's own.
   */
  view?(storage: Storage): Float32Array;
  /** Copies a storage to the host in C order. */
  read(storage: Storage): Promise<HostData>;
  /**
   * Makes a plan runnable over storages.
   *
   * @throws {ShapeError} naming every storage that is missing or does not fit
   */
  load(plan: Plan, storages: Storages): Program;
}
