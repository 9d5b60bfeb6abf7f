// The command list and the threads that walk it. Every thread runs every command on its own share and meets the
// others at a barrier where the next command needs what this one wrote. No JavaScript runs in between.
import { attention } from "./attention";
import { attentionBackward } from "./attention_backward";
import { add, advance, fill, gelu, scale, swiglu } from "./elementwise";
import {
  accumulate,
  gatherRowsBackward,
  geluBackward,
  prependBackward,
  sliceBackward,
  spliceBackward,
  swigluBackward,
} from "./elementwise_backward";
import { balanceLoss, combine, dispatch, route } from "./experts";
import { balanceLossBackward, combineBackward, routeBackward } from "./experts_backward";
import { embedding, gemm, groupedGemm } from "./gemm";
import {
  embeddingBackward,
  gemmAddRange,
  groupedLinearBackwardWeight,
  linearBackwardWeight,
  transpose,
} from "./gemm_backward";
import { crossEntropy, meanLoss, squaredError } from "./loss";
import { logitsBackward, meanLossBackward, squaredErrorBackward } from "./loss_backward";
import { layerNorm, rmsNorm, rope } from "./norm";
import { normBackward, normWeightBackward, ropeBackward } from "./norm_backward";
import { Opcode } from "./opcodes";
import { adamw, addPartials, clipFactor, sumOfSquares } from "./optimiser";
import { pack } from "./pack";
import { cacheWrite, gatherRows, patches, prepend, slice, splice, takeRow } from "./rows";
import { sample } from "./sample";
import { unfold, unfoldBackward } from "./unfold";

// Control block (offsets in bytes), laid out as in thread_pool.ts. The browser's main thread may not sleep.
const LIST = 0, THREADS = 4, SCRATCH = 8, SCRATCH_STRIDE = 12, MAY_WAIT = 16;
// Barrier: arrived, phase, sleepers; each on its own cache line.
const ARRIVED = 64, PHASE = 128, SLEEPERS = 192;
// Worker slots, one cache line each: state and thread number. JavaScript reserves every ready worker, writes the
// numbers, then claims them all.
const SLOTS = 256, SLOT_BYTES = 64;
const ABSENT = 0, READY = 1, RESERVED = 2, STOP = 4;

/**
 * Polls before a thread goes to sleep: about 40 µs, a little more than it takes to wake a sleeper. Fewer, and threads
 * put each other to sleep at every barrier; many more, and they get in the way of other processes.
 */
const SPINS: i32 = 40000;

/** Meets the other threads. */
function barrier(control: usize, threads: i32, mayWait: bool): void {
  if (threads == 1) return;
  const phase = atomic.load<i32>(control + PHASE);
  if (atomic.add<i32>(control + ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(control + ARRIVED, 0);
    atomic.add<i32>(control + PHASE, 1);
    if (atomic.load<i32>(control + SLEEPERS) != 0) atomic.notify(control + PHASE, -1);
    return;
  }
  pause(control, control + PHASE, phase, -1, mayWait);
}

/** Polls, then sleeps, until the number at `address` is no longer `value`; false after `timeout` ns asleep. */
function pause(control: usize, address: usize, value: i32, timeout: i64, mayWait: bool): bool {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(address) != value) return true;
  while (atomic.load<i32>(address) == value) {
    if (!mayWait) continue;
    atomic.add<i32>(control + SLEEPERS, 1);
    const outcome = atomic.wait<i32>(address, value, timeout);
    atomic.sub<i32>(control + SLEEPERS, 1);
    if (outcome == 2) return atomic.load<i32>(address) != value;
  }
  return true;
}

/** Runs the list of the control block as thread 0, with as many workers as JavaScript has claimed. */
export function run(control: usize): void {
  walk(control, 0, load<i32>(control + THREADS), load<i32>(control + MAY_WAIT) != 0);
}

/**
 * Life of a worker: waits to be claimed, takes part in one run, waits again. Returns when stopped, or after
 * `idle` ns without work, so that a forgotten worker does not keep the process alive.
 */
export function work(control: usize, worker: i32, idle: i64): void {
  const slot = control + SLOTS + <usize>worker * SLOT_BYTES;
  atomic.store<i32>(slot, READY);
  while (true) {
    if (!pause(control, slot, READY, idle, true) && atomic.cmpxchg<i32>(slot, READY, ABSENT) == READY) return;
    while (atomic.load<i32>(slot) == RESERVED) {}
    if (atomic.load<i32>(slot) == STOP) {
      atomic.store<i32>(slot, ABSENT);
      return;
    }
    const threads = load<i32>(control + THREADS);
    walk(control, load<i32>(slot, 4), threads, true, slot);
  }
}

function walk(control: usize, thread: i32, threads: i32, mayWait: bool, slot: usize = 0): void {
  const scratch = <usize>load<u32>(control + SCRATCH) + <usize>thread * load<u32>(control + SCRATCH_STRIDE);
  let command = <usize>load<u32>(control + LIST);
  for (let length = load<i32>(command); length != 0; length = load<i32>(command)) {
    if (load<i32>(command, 4) != 0) barrier(control, threads, mayWait);
    execute(load<i32>(command, 8), command + 12, scratch, thread, threads);
    command += <usize>length << 2;
  }
  // Ready before the last barrier: when thread 0 leaves it, this worker can be claimed again.
  if (slot != 0) atomic.store<i32>(slot, READY);
  barrier(control, threads, mayWait);
}

@inline
function p(at: usize, i: i32): usize {
  return <usize>load<u32>(at + (<usize>i << 2));
}

@inline
function n(at: usize, i: i32): i32 {
  return load<i32>(at + (<usize>i << 2));
}

@inline
function f(at: usize, i: i32): f32 {
  return load<f32>(at + (<usize>i << 2));
}

/** One command: operands at `a` in the order that commands.ts writes them. */
function execute(opcode: i32, a: usize, scratch: usize, t: i32, w: i32): void {
  switch (opcode) {
    case Opcode.fill:
      return fill(p(a, 0), n(a, 1), f(a, 2), t, w);
    case Opcode.add:
      return add(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.scale:
      return scale(p(a, 0), p(a, 1), n(a, 2), f(a, 3), t, w);
    case Opcode.advance:
      if (t == 0) advance(p(a, 0), n(a, 1), n(a, 2));
      return;
    case Opcode.slice:
      return slice(p(a, 0), p(a, 1), n(a, 2), n(a, 3), n(a, 4), n(a, 5), n(a, 6), t, w);
    case Opcode.takeRow:
      if (t == 0) takeRow(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5));
      return;
    case Opcode.prepend:
      if (t == 0) prepend(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5));
      return;
    case Opcode.linear:
      return gemm(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), n(a, 6), scratch, t, w);
    case Opcode.embedding:
      return embedding(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.rmsNorm:
      return rmsNorm(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), f(a, 5), t, w);
    case Opcode.layerNorm:
      return layerNorm(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), f(a, 6), t, w);
    case Opcode.gelu:
      return gelu(p(a, 0), p(a, 1), n(a, 2), n(a, 3), t, w);
    case Opcode.swiglu:
      return swiglu(p(a, 0), p(a, 1), p(a, 2), n(a, 3), t, w);
    case Opcode.rope:
      return rope(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), n(a, 7), n(a, 8), n(a, 9), n(a, 10), t, w,
      );
    case Opcode.cacheWrite:
      if (t == 0) cacheWrite(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), n(a, 6), n(a, 7));
      return;
    case Opcode.attention:
      return attention(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), p(a, 6), p(a, 7),
        n(a, 8), n(a, 9), n(a, 10), n(a, 11), n(a, 12), n(a, 13), n(a, 14), f(a, 15), scratch, t, w,
      );
    case Opcode.patches:
      return patches(p(a, 0), p(a, 1), n(a, 2), n(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.unfold:
      return unfold(
        p(a, 0), p(a, 1), n(a, 2), n(a, 3), n(a, 4), n(a, 5), n(a, 6), n(a, 7), n(a, 8), n(a, 9), n(a, 10), t, w,
      );
    case Opcode.splice:
      return splice(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.route:
      return route(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), n(a, 6), n(a, 7), t, w);
    case Opcode.dispatch:
      if (t == 0) dispatch(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4));
      return;
    case Opcode.gatherRows:
      return gatherRows(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.groupedLinear:
      return groupedGemm(p(a, 0), p(a, 1), a + 24, p(a, 2), n(a, 3), n(a, 4), n(a, 5), scratch, t, w);
    case Opcode.combine:
      return combine(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), n(a, 6), t, w);
    case Opcode.balanceLoss:
      if (t == 0) balanceLoss(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5), n(a, 6), f(a, 7));
      return;
    case Opcode.crossEntropy:
      return crossEntropy(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), n(a, 6), scratch, t, w);
    case Opcode.squaredError:
      return squaredError(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.meanLoss:
      if (t == 0) meanLoss(p(a, 0), p(a, 1), p(a, 2), n(a, 3));
      return;
    case Opcode.sample:
      return sample(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), n(a, 7), scratch, t, w,
      );
    default:
      return executeBackward(opcode, a, scratch, t, w);
  }
}

/** The commands of training. */
function executeBackward(opcode: i32, a: usize, scratch: usize, t: i32, w: i32): void {
  switch (opcode) {
    case Opcode.accumulate:
      return accumulate(p(a, 0), p(a, 1), n(a, 2), n(a, 3), f(a, 4), t, w);
    case Opcode.sliceBackward:
      if (t == 0) sliceBackward(p(a, 0), p(a, 1), n(a, 2), n(a, 3), n(a, 4), n(a, 5), n(a, 6));
      return;
    case Opcode.prependBackward:
      if (t == 0) prependBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5));
      return;
    case Opcode.transpose:
      return transpose(p(a, 0), p(a, 1), n(a, 2), n(a, 3), t, w);
    case Opcode.linearBackwardInput:
      return gemm(p(a, 0), p(a, 1), 0, p(a, 2), n(a, 3), n(a, 4), n(a, 5), scratch, t, w, true);
    case Opcode.linearBackwardWeight:
      return linearBackwardWeight(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5), scratch, t, w);
    case Opcode.embeddingBackward:
      return embeddingBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.rmsNormBackward:
    case Opcode.layerNormBackward:
      return normBackward(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), n(a, 5), n(a, 6), f(a, 7),
        opcode == Opcode.layerNormBackward ? 1 : 0, t, w,
      );
    case Opcode.normWeightBackward:
      return normWeightBackward(p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), n(a, 5), n(a, 6), t, w);
    case Opcode.geluBackward:
      return geluBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.swigluBackward:
      return swigluBackward(p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), n(a, 5), t, w);
    case Opcode.ropeBackward:
      return ropeBackward(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), n(a, 7), n(a, 8), n(a, 9), n(a, 10), t, w,
      );
    case Opcode.attentionBackward:
      return attentionBackward(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), p(a, 6), p(a, 7), p(a, 8),
        n(a, 9), n(a, 10), n(a, 11), n(a, 12), n(a, 13), n(a, 14), n(a, 15), f(a, 16), scratch, t, w,
      );
    case Opcode.unfoldBackward:
      return unfoldBackward(
        p(a, 0), p(a, 1), n(a, 2), n(a, 3), n(a, 4), n(a, 5), n(a, 6), n(a, 7), n(a, 8), n(a, 9), n(a, 10), t, w,
      );
    case Opcode.spliceBackward:
      return spliceBackward(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.routeBackward:
      return routeBackward(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), n(a, 7), n(a, 8), n(a, 9), t, w,
      );
    case Opcode.gatherRowsBackward:
      return gatherRowsBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.groupedLinearBackwardInput:
      return gemmAddRange(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), scratch, t, w);
    case Opcode.groupedLinearBackwardWeight:
      return groupedLinearBackwardWeight(p(a, 0), p(a, 1), p(a, 2), a + 24, n(a, 3), n(a, 4), n(a, 5), scratch, t, w);
    case Opcode.combineBackward:
      return combineBackward(
        p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), n(a, 7), n(a, 8), t, w,
      );
    case Opcode.balanceLossBackward:
      if (t == 0) balanceLossBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), n(a, 5), n(a, 6), f(a, 7));
      return;
    case Opcode.logitsBackward:
      return logitsBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.squaredErrorBackward:
      return squaredErrorBackward(p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), n(a, 5), n(a, 6), t, w);
    case Opcode.meanLossBackward:
      if (t == 0) meanLossBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3));
      return;
    case Opcode.sumOfSquares:
      return sumOfSquares(p(a, 0), p(a, 1), n(a, 2), t, w);
    case Opcode.pack:
      return pack(p(a, 0), p(a, 1), n(a, 2), n(a, 3), t, w);
    case Opcode.addPartials:
      if (t == 0) addPartials(p(a, 0), p(a, 1));
      return;
    case Opcode.clipFactor:
      if (t == 0) clipFactor(p(a, 0), p(a, 1), p(a, 2));
      return;
    case Opcode.adamw:
      return adamw(p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), t, w);
    default:
      unreachable();
  }
}
