/**
 * Commands of training. Some kernels are several: a step that prepares, then one that uses what lies in the memory
 * that steps share.
 *
 * @module
 */
import type { Call } from "../../core/graph/kernels.ts";
import { Opcode } from "./assembly/opcodes.ts";
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
import { multipleOf8, PACK_BYTES, QUERIES, TILE_BYTES } from "./sizes.ts";

/** Rows of logits that exist at a time in the gradient of a cross-entropy. */
const lossRows = 128;

/** Parts of a sum of squares, f64 each; as in assembly/optimiser.ts. */
const partialBytes = 64 * 8;

/** The commands of a call of each kernel. */
export type Steps = { [K in BackwardName]: (call: Call<K>, at: Locate, shared: number) => Step[] };

const one = (opcode: Opcode, operands: readonly number[]): Step[] => [{ opcode, operands, shares: false }];
const shares = (opcode: Opcode, operands: readonly number[]): Step => ({ opcode, operands, shares: true });

/** Bytes of a weight's transposed panels. */
function transposedBytes([n, k]: readonly [n: number, k: number]): number {
  return 4 * multipleOf8(k) * n;
}

/** What the steps of a cross-entropy's gradient share, behind the transposed head: where it lies, and where it ends. */
function lossMemory([n, k]: readonly [n: number, k: number], m: number, shared: number) {
  const rows = Math.min(lossRows, m);
  const numbers = shared + transposedBytes([n, k]);
  const states = numbers + 4 * (Math.ceil(m / 4) * 4 + 4);
  const gradients = states + 4 * rows * k;
  const logits = gradients + 4 * rows * k;
  return { numbers, states, gradients, logits, end: logits + 4 * rows * n };
}

/** dx [m,k] += dy [m,n] · weight: the weight's transposed copy, then the product. */
function inputSteps(
  { dy, weight, dx, m }: { dy: number; weight: number; dx: number; m: number },
  [n, k]: readonly [n: number, k: number],
  shared: number,
): Step[] {
  return [
    shares(Opcode.transpose, [weight, shared, n, k]),
    shares(Opcode.linearBackwardInput, [dy, shared, dx, m, k, n]),
  ];
}

/** Commands of each kernel of training. */
export const backwardSteps: Steps = {
  accumulate: ({ inputs: { x }, outputs: { y }, attributes }, at) => {
    const extents = x.layout === "matrix" ? [1, stored(x)] : [count(x) / count(y), count(y)];
    return one(Opcode.accumulate, [at(x), at(y), ...extents, float(attributes.factor)]);
  },
  sliceBackward: ({ inputs: { dy }, outputs: { dx }, attributes }, at) => {
    const [batch, tokens, width] = dx.shape as [number, number, number];
    return one(Opcode.sliceBackward, [at(dy), at(dx), batch, tokens, attributes.start, dy.shape[1]!, width]);
  },
  prependBackward: ({ inputs: { dy }, outputs: { dx, drow } }, at) => {
    const [batch, tokens, width] = dy.shape as [number, number, number];
    return one(Opcode.prependBackward, [at(dy), at(dx), at(drow), batch, tokens - 1, width]);
  },
  linearBackwardInput: ({ inputs: { dy, weight }, outputs: { dx } }, at, shared) => {
    const m = count(dy) / weight.shape[0]!;
    return inputSteps({ dy: at(dy), weight: at(weight), dx: at(dx), m }, matrixExtents(weight), shared);
  },
  linearBackwardWeight: ({ inputs: { x, dy }, outputs: { dweight } }, at) => {
    const [n, k] = matrixExtents(dweight);
    return one(Opcode.linearBackwardWeight, [at(x), at(dy), at(dweight), count(x) / k, n, k]);
  },
  embeddingBackward: ({ inputs: { ids, dy }, outputs: { dweight } }, at) =>
    one(Opcode.embeddingBackward, [at(ids), at(dy), at(dweight), count(ids), matrixExtents(dweight)[1]]),
  rmsNormBackward: ({ inputs: { x, weight, dy }, outputs: { dx, dweight }, attributes }, at, shared) => {
    const extents = [rows(x), width(x)];
    const steps = [shares(Opcode.rmsNormBackward, [
      ...[at(x), at(weight), at(dy), at(dx), shared],
      ...extents,
      float(attributes.eps),
    ])];
    if (dweight !== undefined) {
      steps.push(shares(Opcode.normWeightBackward, [at(x), at(dy), shared, at(dweight), 0, ...extents]));
    }
    return steps;
  },
  layerNormBackward: ({ inputs: { x, weight, dy }, outputs: { dx, dweight, dbias }, attributes }, at, shared) => {
    const extents = [rows(x), width(x)];
    const steps = [shares(Opcode.layerNormBackward, [
      ...[at(x), at(weight), at(dy), at(dx), shared],
      ...extents,
      float(attributes.eps),
    ])];
    if (dweight !== undefined || dbias !== undefined) {
      steps.push(shares(Opcode.normWeightBackward, [at(x), at(dy), shared, at(dweight), at(dbias), ...extents]));
    }
    return steps;
  },
  geluBackward: ({ inputs: { x, dy }, outputs: { dx }, attributes }, at) =>
    one(Opcode.geluBackward, [at(x), at(dy), at(dx), count(x), geluKinds[attributes.kind]]),
  swigluBackward: ({ inputs: { gate, up, dy }, outputs: { dgate, dup } }, at) =>
    one(Opcode.swigluBackward, [at(gate), at(up), at(dy), at(dgate), at(dup), count(gate)]),
  ropeBackward: ({ inputs: { dy, cos, sin, start, position }, outputs: { dx } }, at) => {
    const addresses = [at(dy), at(cos), at(sin), at(start), at(position), at(dx)];
    return one(Opcode.ropeBackward, [...addresses, ...dx.shape, cos.shape[0]!]);
  },
  attentionBackward: ({ inputs: { q, k, v, keep, segment, dy }, outputs: { dq, dk, dv }, attributes }, at) => {
    const [batch, tokens, heads, width] = q.shape as [number, number, number, number];
    const [, keys, groups] = k.shape as [number, number, number];
    const addresses = [at(q), at(k), at(v), at(keep), at(segment), at(dy), at(dq), at(dk), at(dv)];
    const extents = [batch, tokens, keys, heads, groups, width];
    return one(Opcode.attentionBackward, [
      ...addresses,
      ...extents,
      Number(attributes.causal),
      float(attributes.scale),
    ]);
  },
  unfoldBackward: ({ inputs: { dy }, outputs: { dx }, attributes }, at) =>
    one(Opcode.unfoldBackward, [at(dy), at(dx), ...windowExtents(dx, dy, attributes)]),
  spliceBackward: ({ inputs: { index, dy }, outputs: { dhidden, dfeatures } }, at) =>
    one(Opcode.spliceBackward, [at(index), at(dy), at(dhidden), at(dfeatures), rows(dy), width(dy)]),
  routeBackward: ({ inputs, outputs: { dlogits }, attributes }, at) => {
    const { scores, weight, expert, dscores, dweight } = inputs;
    const addresses = [at(scores), at(weight), at(expert), at(dscores), at(dweight), at(dlogits)];
    return one(Opcode.routeBackward, [...addresses, ...scores.shape, width(weight), Number(attributes.normalise)]);
  },
  gatherRowsBackward: ({ inputs: { order, dy }, outputs: { dx } }, at) =>
    one(Opcode.gatherRowsBackward, [at(order), at(dy), at(dx), count(order), count(order) / rows(dx), width(dx)]),
  groupedLinearBackwardInput: ({ inputs: { dy, offsets, weights }, outputs: { dx } }, at, shared) => {
    const [n, k] = matrixExtents(weights[0]!);
    return weights.flatMap((weight, e) => [
      shares(Opcode.transpose, [at(weight), shared, n, k]),
      shares(Opcode.groupedLinearBackwardInput, [at(dy), shared, at(dx), at(offsets) + 4 * e, n, k]),
    ]);
  },
  groupedLinearBackwardWeight: ({ inputs: { x, dy, offsets }, outputs: { dweights } }, at) => {
    const [n, k] = matrixExtents(dweights[0]!);
    const addresses = [at(x), at(dy), at(offsets)];
    return one(Opcode.groupedLinearBackwardWeight, [...addresses, dweights.length, n, k, ...dweights.map(at)]);
  },
  combineBackward: ({ inputs: { x, order, weight, dy }, outputs: { dx, dweight } }, at) => {
    const addresses = [at(x), at(order), at(weight), at(dy), at(dx), at(dweight)];
    return one(Opcode.combineBackward, [...addresses, count(order), width(weight), width(dy)]);
  },
  balanceLossBackward: ({ inputs: { expert, dy }, outputs: { dscores }, attributes }, at) => {
    const [batch, tokens, experts] = dscores.shape as [number, number, number];
    const groups = attributes.perRow ? batch : 1;
    const extents = [groups, batch * tokens / groups, experts, width(expert)];
    return one(Opcode.balanceLossBackward, [at(expert), at(dy), at(dscores), ...extents, float(attributes.factor)]);
  },
  crossEntropyBackward: ({ inputs, outputs: { dhidden, dweight } }, at, shared) => {
    const { hidden, weight, target, dloss } = inputs;
    const [n, k] = matrixExtents(weight);
    const m = count(target);
    const { numbers, states, gradients, logits } = lossMemory([n, k], m, shared);
    const steps = [shares(Opcode.labelledRows, [at(target), numbers, m])];
    if (dhidden !== undefined) steps.push(shares(Opcode.transpose, [at(weight), shared, n, k]));
    for (let row = 0; row < m; row += lossRows) {
      const rows = Math.min(lossRows, m - row), own = numbers + 4 * (1 + row);
      const add = (opcode: Opcode, operands: readonly number[]) => {
        steps.push({ opcode, operands, shares: true, guard: { address: numbers, bound: row } });
      };
      add(Opcode.gatherLabelled, [at(hidden), own, states, dhidden === undefined ? 0 : gradients, rows, k]);
      add(Opcode.linear, [states, at(weight), 0, logits, rows, n, k]);
      add(Opcode.logitsBackward, [logits, own, at(target), at(dloss), rows, n]);
      if (dhidden !== undefined) {
        add(Opcode.linearBackwardInput, [logits, shared, gradients, rows, k, n]);
        add(Opcode.scatterLabelled, [gradients, own, at(dhidden), rows, k]);
      }
      if (dweight !== undefined) add(Opcode.linearBackwardWeight, [states, logits, at(dweight), rows, n, k]);
    }
    return steps;
  },
  squaredErrorBackward: ({ inputs: { a, b, dloss }, outputs: { da, db } }, at) =>
    one(Opcode.squaredErrorBackward, [at(a), at(b), at(dloss), at(da), at(db), rows(a), width(a)]),
  meanLossBackward: ({ inputs: { target, dy }, outputs: { dloss } }, at) =>
    one(Opcode.meanLossBackward, [at(target), at(dy), at(dloss), count(target)]),
  sumOfSquares: ({ inputs: { x }, outputs: { y } }, at, shared) => [
    shares(Opcode.sumOfSquares, [at(x), shared, stored(x)]),
    shares(Opcode.addPartials, [shared, at(y)]),
  ],
  clipFactor: ({ inputs: { squares, limit, scale }, outputs: { clip } }, at) =>
    one(Opcode.clipFactor, [at(squares), at(limit), at(scale), at(clip)]),
  adamw: ({ inputs: { gradient, clip, settings }, outputs: { parameter, mean, variance } }, at) => {
    const addresses = [at(gradient), at(clip), at(settings), at(parameter), at(mean), at(variance)];
    return one(Opcode.adamw, [...addresses, stored(parameter)]);
  },
};

/** Bytes that the steps of a call share. */
export function sharedBytes(call: Call): number {
  switch (call.kernel) {
    case "linearBackwardInput":
      return transposedBytes(matrixExtents(call.inputs.weight));
    case "groupedLinearBackwardInput":
      return transposedBytes(matrixExtents(call.inputs.weights[0]!));
    case "rmsNormBackward":
    case "layerNormBackward":
      return 8 * rows(call.inputs.x);
    case "crossEntropyBackward": {
      return lossMemory(matrixExtents(call.inputs.weight), count(call.inputs.target), 0).end;
    }
    case "sumOfSquares":
      return partialBytes;
    default:
      return 0;
  }
}

/** Bytes of private memory a thread needs for a command of training; the sizes follow the kernels in assembly/. */
export function backwardScratchBytes(call: Call): number {
  const product = (m: number, n: number) => PACK_BYTES + 4 * multipleOf8(n) * m;
  switch (call.kernel) {
    case "linearBackwardInput":
    case "groupedLinearBackwardInput":
      return PACK_BYTES;
    case "linearBackwardWeight":
    case "groupedLinearBackwardWeight":
      return product(rows(call.inputs.dy), width(call.inputs.dy));
    case "crossEntropyBackward":
      return product(Math.min(lossRows, count(call.inputs.target)), call.inputs.weight.shape[0]!);
    case "attentionBackward": {
      const [, tokens, , width] = call.inputs.q.shape as [number, number, number, number];
      const keys = call.inputs.k.shape[1]!, padded = multipleOf8(keys);
      const panels = 2 * padded * width + (keys + 2 * tokens) * multipleOf8(width);
      return TILE_BYTES + 16 + padded + 4 * (QUERIES * Math.max(padded, tokens, width) + panels + 2 * tokens * padded);
    }
    default:
      return 0;
  }
}
