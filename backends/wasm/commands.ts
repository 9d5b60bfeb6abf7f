/**
 * A plan as a list of commands in linear memory: `[length, barrier, pieces, opcode, operands…]` each, then a zero.
 *
 * @module
 */
import type { Call, KernelName } from "../../core/graph/kernels.ts";
import { tensorsOf } from "../../core/graph/kernels.ts";
import { byteLength, type Tensor } from "../../core/graph/tensor.ts";
import { Opcode } from "./assembly/opcodes.ts";
import { backwardSteps } from "./backward_commands.ts";
import {
  type BackwardName,
  count,
  float,
  geluKinds,
  type Locate,
  rows,
  type Step,
  stored,
  width,
  windowExtents,
} from "./command_parts.ts";
import { matrixExtents } from "./panels.ts";
import { piecesOf } from "./pieces.ts";

/** Operands of a forward kernel's call, in the order that `execute` of assembly/run.ts reads them. */
type Operands = { [K in Exclude<KernelName, BackwardName>]: (call: Call<K>, at: Locate) => number[] };

const operands: Operands = {
  fill: ({ outputs: { y }, attributes }, at) => [at(y), stored(y), float(attributes.value)],
  add: ({ inputs: { a, b }, outputs: { y } }, at) => [at(a), at(b), at(y), count(a), count(b)],
  scale: ({ inputs: { x }, outputs: { y }, attributes }, at) => [at(x), at(y), stored(x), float(attributes.factor)],
  advance: ({ outputs: { counter }, attributes }, at) => [at(counter), count(counter), attributes.by],
  slice: ({ inputs: { x }, outputs: { y }, attributes }, at) => {
    const [batch, tokens, width] = x.shape as [number, number, number];
    return [at(x), at(y), batch, tokens, attributes.start, y.shape[1]!, width];
  },
  takeRow: ({ inputs: { x, index }, outputs: { y } }, at) => [at(x), at(index), at(y), ...x.shape],
  prepend: ({ inputs: { x, row }, outputs: { y } }, at) => [at(x), at(row), at(y), ...x.shape],
  linear: ({ inputs: { x, weight, bias }, outputs: { y } }, at) => {
    const [n, k] = matrixExtents(weight);
    return [at(x), at(weight), at(bias), at(y), count(x) / k, n, k];
  },
  embedding: ({ inputs: { ids, weight }, outputs: { y } }, at) => [
    at(ids),
    at(weight),
    at(y),
    count(ids),
    matrixExtents(weight)[1],
  ],
  rmsNorm: ({ inputs: { x, weight }, outputs: { y }, attributes }, at) => [
    at(x),
    at(weight),
    at(y),
    rows(x),
    width(x),
    float(attributes.eps),
  ],
  layerNorm: ({ inputs: { x, weight, bias }, outputs: { y }, attributes }, at) => [
    at(x),
    at(weight),
    at(bias),
    at(y),
    rows(x),
    width(x),
    float(attributes.eps),
  ],
  gelu: ({ inputs: { x }, outputs: { y }, attributes }, at) => [at(x), at(y), count(x), geluKinds[attributes.kind]],
  swiglu: ({ inputs: { gate, up }, outputs: { y } }, at) => [at(gate), at(up), at(y), count(y)],
  rope: ({ inputs: { x, cos, sin, start, position }, outputs: { y } }, at) => [
    at(x),
    at(cos),
    at(sin),
    at(start),
    at(position),
    at(y),
    ...x.shape,
    cos.shape[0]!,
  ],
  cacheWrite: ({ inputs: { x, start, row }, outputs: { cache } }, at) => {
    const [batch, tokens] = x.shape as [number, number];
    return [at(x), at(start), at(row), at(cache), batch, tokens, cache.shape[1]!, count(x) / batch / tokens];
  },
  attention: ({ inputs: { q, k, v, start, keep, row, segment }, outputs: { y }, attributes }, at) => {
    const [batch, tokens, heads, width] = q.shape as [number, number, number, number];
    const [, keys, groups] = k.shape as [number, number, number];
    const addresses = [at(q), at(k), at(v), at(start), at(keep), at(row), at(segment), at(y)];
    const extents = [batch, tokens, keys, heads, groups, width];
    return [...addresses, ...extents, Number(attributes.causal), float(attributes.scale)];
  },
  patches: ({ inputs: { pixels }, outputs: { y }, attributes }, at) => {
    const [batch, channels, size] = pixels.shape as [number, number, number];
    return [at(pixels), at(y), batch, channels, size, attributes.patch];
  },
  unfold: ({ inputs: { x }, outputs: { y }, attributes }, at) => [at(x), at(y), ...windowExtents(x, y, attributes)],
  splice: ({ inputs: { hidden, features, index }, outputs: { y } }, at) => [
    at(hidden),
    at(features),
    at(index),
    at(y),
    rows(hidden),
    width(hidden),
  ],
  route: ({ inputs: { logits }, outputs: { scores, weight, expert }, attributes }, at) => {
    const extents = [...logits.shape, width(expert), Number(attributes.normalise)];
    return [at(logits), at(scores), at(weight), at(expert), ...extents];
  },
  dispatch: ({ inputs: { expert }, outputs: { order, offsets } }, at) => [
    at(expert),
    at(order),
    at(offsets),
    count(expert),
    count(offsets) - 1,
  ],
  gatherRows: ({ inputs: { x, order }, outputs: { y } }, at) => [
    at(x),
    at(order),
    at(y),
    count(order),
    count(order) / rows(x),
    width(x),
  ],
  groupedLinear: ({ inputs: { x, offsets, weights }, outputs: { y } }, at) => {
    const [n, k] = matrixExtents(weights[0]!);
    return [at(x), at(offsets), at(y), weights.length, n, k, ...weights.map(at)];
  },
  combine: ({ inputs: { x, order, weight }, outputs: { y } }, at) => [
    at(x),
    at(order),
    at(weight),
    at(y),
    ...weight.shape,
    width(x),
  ],
  balanceLoss: ({ inputs: { scores, expert }, outputs: { y }, attributes }, at) => {
    const [batch, tokens, experts] = scores.shape as [number, number, number];
    const groups = attributes.perRow ? batch : 1;
    const extents = [groups, batch * tokens / groups, experts, width(expert)];
    return [at(scores), at(expert), at(y), ...extents, float(attributes.factor)];
  },
  crossEntropy: ({ inputs: { hidden, weight, target }, outputs: { loss } }, at) => [
    at(hidden),
    at(weight),
    at(target),
    at(loss),
    count(target),
    ...matrixExtents(weight),
  ],
  squaredError: ({ inputs: { a, b }, outputs: { loss } }, at) => [at(a), at(b), at(loss), rows(a), width(a)],
  meanLoss: ({ inputs: { loss, target }, outputs: { y } }, at) => [at(loss), at(target), at(y), count(loss)],
  sample: ({ inputs: { logits, settings }, outputs: { id, probabilities, seen, random } }, at) => [
    at(logits),
    at(settings),
    at(id),
    at(probabilities),
    at(seen),
    at(random),
    ...logits.shape,
  ],
};

/** A part of memory that a command reads or writes. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Encodes calls; `shared` is the address of the memory that the steps of a kernel share, `grain` how many nanoseconds
 * a part of a command shall take. `barrier` is set where a command touches memory that another one has written, or
 * writes what another one reads, since the last barrier.
 */
export function encodeCommands(
  calls: readonly Call[],
  at: Locate,
  { shared, grain }: { readonly shared: number; readonly grain: number },
): Int32Array {
  const span = (tensor: Tensor): Span => ({ start: at(tensor), end: at(tensor) + byteLength(tensor) });
  const words: number[] = [];
  let read: Span[] = [];
  let written: Span[] = [];
  for (const call of calls) {
    const inputs = tensorsOf(call.inputs).map(span);
    const outputs = tensorsOf(call.outputs).map(span);
    const barrier = overlap(inputs, written) || overlap(outputs, written) || overlap(outputs, read);
    if (barrier) {
      read = [];
      written = [];
    }
    read.push(...inputs);
    written.push(...outputs);
    const pieces = piecesOf(call, grain);
    stepsOf(call, at, shared).forEach(({ opcode, operands, shares, guard }, i) => {
      // The memory that steps share is not in any span: whoever touches it waits for all before it.
      const waits = Number(barrier || shares || i > 0), { address, bound } = guard ?? { address: 0, bound: 0 };
      words.push(operands.length + 6, waits, pieces, opcode, address, bound, ...operands);
    });
  }
  return Int32Array.from([...words, 0]);
}

/** The commands of a call; a forward kernel is one. */
function stepsOf(call: Call, at: Locate, shared: number): readonly Step[] {
  if (call.kernel in backwardSteps) {
    const steps = backwardSteps[call.kernel as BackwardName] as (call: Call, at: Locate, shared: number) => Step[];
    return steps(call, at, shared);
  }
  const encode = operands[call.kernel as keyof Operands] as (call: Call, at: Locate) => number[];
  return [{ opcode: Opcode[call.kernel], operands: encode(call, at), shares: false }];
}

function overlap(a: readonly Span[], b: readonly Span[]): boolean {
  return a.some((x) => b.some((y) => x.start < y.end && y.start < x.end));
}
