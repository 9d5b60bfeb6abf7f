/**
 * Turns the calls of a plan into dispatches, and finds out how large the arena has to be.
 *
 * @module
 */
import { type KernelName, type Operand, tensorsOf } from "../../core/graph/kernels.ts";
import { alignment, type Plan } from "../../core/graph/plan.ts";
import { type DType, elementCount, type Tensor } from "../../core/graph/tensor.ts";
import { fuseCalls } from "./fuse.ts";
import type { Step } from "./fusions/fusion.ts";
import type { Dispatch, Lowering, Place, Scratch, Value } from "./kernel.ts";
import { kernels, runKernels } from "./kernels.ts";
import { fusedLinear } from "./kernels/linear.ts";
import { storageBytes } from "./memory.ts";
import { mergeDispatches } from "./merge.ts";

/** What {@link lower} has to know. */
export interface LowerOptions {
  /** Where a tensor lies. */
  readonly placeOf: (tensor: Tensor) => Place;
  /** Type in which it lies there: a weight may be held in halves. */
  readonly typeOf: (tensor: Tensor) => DType;
  /** Whether the device computes on the processor. */
  readonly software: boolean;
  /** Whether calls are fused and dispatches merged where they can be. */
  readonly rewrite: boolean;
  /** Limits of the device. */
  readonly limits: Pick<GPUSupportedLimits, "maxBufferSize" | "maxStorageBufferBindingSize">;
}

/** All that a run does. */
export interface Lowered {
  /** The dispatches of all calls, in order. */
  readonly dispatches: readonly Dispatch[];
  /** Bytes of the arena; what one call needs for itself lies behind the plan's part. */
  readonly arenaBytes: number;
}

/**
 * Lowers a plan.
 *
 * @throws {RangeError} if the device cannot hold its temporaries
 */
export function lower(plan: Plan, { placeOf, typeOf, limits, software, rewrite }: LowerOptions): Lowered {
  let arenaBytes = Math.max(alignment, plan.arenaBytes);
  const valueOf = (tensor: Tensor): Value => toValue(tensor, { place: placeOf(tensor), dtype: typeOf(tensor) });
  const overlap = (a: Tensor, b: Tensor) => {
    const x = valueOf(a), y = valueOf(b);
    const before = (one: Value, other: Value) => one.place.offset + storageBytes(one) <= other.place.offset;
    return x.place.buffer === y.place.buffer && !before(x, y) && !before(y, x);
  };
  const steps = rewrite ? fuseCalls(plan, { overlap }) : plan.calls;
  const dispatches = runsOf(steps).flatMap((run) => {
    let offset = Math.ceil(plan.arenaBytes / alignment) * alignment;
    const scratch: Scratch = (count) => {
      const place: Place = { buffer: "arena", offset };
      offset += Math.ceil(4 * count / alignment) * alignment;
      arenaBytes = Math.max(arenaBytes, offset);
      return { shape: [count], count, dtype: "f32", place };
    };
    const operands = run.map(({ kernel, inputs, outputs, attributes }) => {
      if (!readsHalves.has(kernel)) refuseHalves(kernel, [...tensorsOf(inputs), ...tensorsOf(outputs)], typeOf);
      return { ...valuesOf(inputs, valueOf), ...valuesOf(outputs, valueOf), ...attributes };
    });
    return lowerRun(run[0]!.kernel, operands, { scratch, software, half: plan.products === "f16" });
  });
  const largest = Math.max(
    0,
    ...dispatches.flatMap(({ bindings }) => bindings.map(({ value }) => storageBytes(value))),
  );
  check("a temporary", largest, limits.maxStorageBufferBindingSize);
  check("the temporaries", arenaBytes, limits.maxBufferSize);
  if (!rewrite) return { dispatches, arenaBytes };
  return { dispatches: mergeDispatches(dispatches, { maxBytes: limits.maxStorageBufferBindingSize }), arenaBytes };
}

/** Calls that are lowered together: those of a kernel of {@link runKernels} in a row, every other one by itself. */
function runsOf(steps: readonly Step[]): Step[][] {
  const runs: Step[][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (last?.[0]?.kernel === step.kernel && step.kernel in runKernels) last.push(step);
    else runs.push([step]);
  }
  return runs;
}

/** The table's types pair each name with its operands, which a loop over all calls cannot express. */
function lowerRun(kernel: Step["kernel"], run: readonly unknown[], lowering: Lowering): readonly Dispatch[] {
  type Make<Given> = (operands: Given, lowering: Lowering) => readonly Dispatch[];
  const known: Readonly<Record<Step["kernel"], unknown>> = { ...kernels, fusedLinear };
  const whole = runKernels[kernel as KernelName] as Make<readonly unknown[]> | undefined;
  return whole?.(run, lowering) ?? (known[kernel] as Make<unknown>)(run[0], lowering);
}

function check(what: string, bytes: number, most: number): void {
  if (bytes > most) {
    throw new RangeError(
      `Cannot load "plan": ${what} of ${bytes} bytes, the device takes ${most}; a smaller batch fits`,
    );
  }
}

/** Kernels that read a weight as it is held; what they add up is f32 in any case. */
const readsHalves: ReadonlySet<Step["kernel"]> = new Set([
  "linear",
  "fusedLinear",
  "embedding",
  "groupedLinear",
  "crossEntropy",
  "linearBackwardInput",
  "groupedLinearBackwardInput",
  "crossEntropyBackward",
]);

function refuseHalves(kernel: Step["kernel"], tensors: readonly Tensor[], typeOf: LowerOptions["typeOf"]): void {
  const half = tensors.find((tensor) => typeOf(tensor) === "f16");
  if (half === undefined) return;
  throw new TypeError(`Cannot load "${half.name}": it is held in f16, which ${kernel} does not take; hold it in f32`);
}

function toValue(
  { name, shape }: Tensor,
  { place, dtype }: { readonly place: Place; readonly dtype: DType },
): Value {
  if (dtype !== "f32" && dtype !== "i32" && dtype !== "f16") {
    throw new TypeError(`Cannot load "${name}": the webgpu backend has no ${dtype}`);
  }
  return { shape, count: elementCount(shape), dtype, place };
}

/** Values by operand name. */
function valuesOf(operands: object, valueOf: (tensor: Tensor) => Value): Record<string, Value | Value[] | undefined> {
  const entries = Object.entries(operands) as [string, Operand][];
  return Object.fromEntries(entries.map(([name, operand]) => {
    if (operand === undefined) return [name, undefined];
    return [name, "id" in operand ? valueOf(operand) : operand.map(valueOf)];
  }));
}
