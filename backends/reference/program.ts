/**
 * A plan bound to memory: every operand resolved to a view once, then run call by call.
 *
 * @module
 */
import type { HostData, Program, Storages } from "../../core/backend.ts";
import type { Operand } from "../../core/graph/kernels.ts";
import type { Plan } from "../../core/graph/plan.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { checkStorages, checkWrite, findTensor } from "../../core/storages.ts";
import { kernels } from "./kernels.ts";
import { hostArray, ReferenceStorage } from "./memory.ts";
import type { View } from "./operands.ts";

/** A loaded plan. */
export class ReferenceProgram implements Program {
  /** The plan it runs. */
  readonly plan: Plan;
  readonly #inputs: ReadonlyMap<string, View>;
  readonly #outputs: ReadonlyMap<string, View>;
  #steps: readonly (() => void)[] | undefined;

  /**
   * Binds a plan to storages and to an arena of its own.
   *
   * @throws {ShapeError} naming every storage that is missing or does not fit
   * @throws {TypeError} if a tensor is neither f32 nor i32
   */
  constructor(plan: Plan, storages: Storages) {
    const bound = checkStorages(plan, storages, (storage) => storage instanceof ReferenceStorage);
    const arena = new ArrayBuffer(plan.arenaBytes);
    const view = (tensor: Tensor): View => {
      const { base, shape } = tensor;
      const offset = plan.offsets.get(base.id);
      return { data: offset === undefined ? bound.get(base.name)!.data : hostArray(base, { arena, offset }), shape };
    };
    this.plan = plan;
    this.#inputs = new Map([...plan.inputs].map(([name, tensor]) => [name, view(tensor)]));
    this.#outputs = new Map([...plan.outputs].map(([name, tensor]) => [name, view(tensor)]));
    this.#steps = plan.calls.map(({ kernel, inputs, outputs, attributes }) => {
      const operands = { ...viewsOf(inputs, view), ...viewsOf(outputs, view), ...attributes };
      // `Kernels` pairs each name with its operands, which a loop over all calls cannot express.
      const run = kernels[kernel] as (operands: unknown) => void;
      return () => run(operands);
    });
  }

  /**
   * Sets an input.
   *
   * @throws {RangeError} if there is no such input or its size differs
   * @throws {TypeError} if the numbers have another type
   */
  write(input: string, data: HostData): void {
    checkWrite(findTensor(this.plan.inputs, input, "input"), data, { offset: 0, whole: true });
    this.#inputs.get(input)!.data.set(data);
  }

  /** Runs every call once. */
  run(): void {
    if (this.#steps === undefined) throw new Error('Cannot run "program": it was disposed');
    for (const step of this.#steps) step();
  }

  /**
   * Copies an output.
   *
   * @throws {RangeError} if there is no such output
   */
  read(output: string): Promise<HostData> {
    return Promise.resolve(findTensor(this.#outputs, output, "output").data.slice());
  }

  /** Ends the program; storages stay. */
  [Symbol.dispose](): void {
    this.#steps = undefined;
  }
}

/** Views by operand name. */
function viewsOf(operands: object, view: (tensor: Tensor) => View): Record<string, View | View[] | undefined> {
  const entries = Object.entries(operands) as [string, Operand][];
  return Object.fromEntries(entries.map(([name, operand]) => {
    if (operand === undefined) return [name, undefined];
    return [name, "id" in operand ? view(operand) : operand.map(view)];
  }));
}
