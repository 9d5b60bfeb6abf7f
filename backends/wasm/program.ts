/**
 * A plan loaded into linear memory: an arena, a command list, and where everything lies.
 *
 * @module
 */
import type { HostData, Program, Storage, Storages } from "../../core/backend.ts";
import type { Plan } from "../../core/graph/plan.ts";
import { elementCount, type StorageSpec, type Tensor } from "../../core/graph/tensor.ts";
import { checkStorages, checkWrite, findTensor } from "../../core/storages.ts";
import { sharedBytes } from "./backward_commands.ts";
import { encodeCommands } from "./commands.ts";
import type { Heap } from "./heap.ts";
import { unpack } from "./panels.ts";

/** A block of linear memory that outlives programs. */
export class WasmStorage implements Storage {
  /** Name, type, shape and layout it was allocated for. */
  readonly spec: StorageSpec;
  #address: number | undefined;

  /** Wraps a block. */
  constructor(spec: StorageSpec, address: number) {
    this.spec = spec;
    this.#address = address;
  }

  /**
   * Address of the first element.
   *
   * @throws {Error} once freed
   */
  get address(): number {
    if (this.#address === undefined) throw new Error(`Cannot use storage "${this.spec.name}": it was freed`);
    return this.#address;
  }

  /** Forgets the address and returns it. */
  release(): number {
    const { address } = this;
    this.#address = undefined;
    return address;
  }
}

/** Replays a command list. */
export class WasmProgram implements Program {
  /** The plan it runs. */
  readonly plan: Plan;
  readonly #heap: Heap;
  readonly #run: (list: number) => void;
  readonly #arena: number;
  readonly #list: number;
  readonly #storages: ReadonlyMap<string, WasmStorage>;
  #disposed = false;

  /** Allocates arena and command list; `run` walks a list, its commands in parts of `grain` nanoseconds. */
  constructor(
    plan: Plan,
    storages: Storages,
    { heap, run, grain }: { heap: Heap; run: (list: number) => void; grain: number },
  ) {
    this.plan = plan;
    this.#heap = heap;
    this.#run = run;
    this.#storages = checkStorages(plan, storages, (storage) => storage instanceof WasmStorage);
    // Behind the arena lies what the steps of one kernel share.
    this.#arena = heap.alloc(plan.arenaBytes + Math.max(0, ...plan.calls.map(sharedBytes)));
    const locate = (tensor: Tensor | undefined) => tensor === undefined ? 0 : this.#locate(tensor);
    const commands = encodeCommands(plan.calls, locate, { shared: this.#arena + plan.arenaBytes, grain });
    this.#list = heap.alloc(commands.byteLength);
    heap.views.ints.set(commands, this.#list / 4);
  }

  /** Sets an input, all of it. */
  write(input: string, data: HostData): void {
    const tensor = findTensor(this.plan.inputs, input, "input");
    checkWrite(tensor, data, { offset: 0, whole: true });
    writeNumbers(this.#heap, this.#locate(tensor), data);
  }

  /** Walks the command list on every thread. */
  run(): void {
    if (this.#disposed) throw new Error('Cannot run "program": it was disposed');
    this.#run(this.#list);
  }

  /** Copies an output. */
  read(output: string): Promise<HostData> {
    const tensor = findTensor(this.plan.outputs, output, "output");
    return Promise.resolve(readNumbers(this.#heap, this.#locate(tensor), tensor));
  }

  /** Gives arena and command list back; storages stay. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#heap.free(this.#arena);
    this.#heap.free(this.#list);
  }

  #locate({ base }: Tensor): number {
    const offset = this.plan.offsets.get(base.id);
    return offset === undefined ? this.#storages.get(base.name)!.address : this.#arena + offset;
  }
}

/** Copies numbers to an address. */
export function writeNumbers(heap: Heap, address: number, data: HostData): void {
  const { ints, floats } = heap.views;
  (data instanceof Int32Array ? ints : floats).set(data, address / 4);
}

/** Copies a tensor's numbers to the host in C order. */
export function readNumbers(heap: Heap, address: number, spec: StorageSpec): HostData {
  const { ints, floats } = heap.views;
  const start = address / 4, end = start + elementCount(spec.shape);
  if (spec.layout === "matrix") return unpack(spec, floats.subarray(start));
  return spec.dtype === "i32" ? ints.slice(start, end) : floats.slice(start, end);
}
