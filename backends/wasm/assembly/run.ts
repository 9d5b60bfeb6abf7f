// The command list and the threads that walk it. A command is split into parts, and whoever is free takes the next one;
// where a command needs what others wrote, its parts wait until all before it are done. No JavaScript runs in between.
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
import {
  gatherLabelled,
  labelledRows,
  logitsBackward,
  meanLossBackward,
  scatterLabelled,
  squaredErrorBackward,
} from "./loss_backward";
import { layerNorm, rmsNorm, rope } from "./norm";
import { normBackward, normWeightBackward, ropeBackward } from "./norm_backward";
import { Opcode } from "./opcodes";
import { adamw, addPartials, clipFactor, sumOfSquares } from "./optimiser";
import { pack, touch } from "./pack";
import { cacheWrite, gatherRows, patches, prepend, slice, splice, takeRow } from "./rows";
import { sample } from "./sample";
import { unfold, unfoldBackward } from "./unfold";

// Control block (offsets in bytes), laid out as in thread_pool.ts. The browser's main thread may not sleep.
const LIST = 0, THREADS = 4, SCRATCH = 8, SCRATCH_STRIDE = 12, MAY_WAIT = 16, TOTAL = 20, RUN = 24;
// On cache lines of their own: the ticket, whose low half is the next part and whose high half the number of the run, 0
// when there is none; how many parts are done; how many threads sleep until more are.
const TICKET = 64, NUMBER = 68, DONE = 128, SLEEPERS = 192;
// One word for each worker: whether it is there, or shall end.
const WORKERS = 256;
const ABSENT = 0, PRESENT = 1, STOP = 2;

/**
 * Words in front of a command's operands: its length, whether it waits for all before it, useful parts, what to do; then
 * the address of a number, 0 for none, and what it must be above, or there is nothing to do.
 */
const HEADER = 24;

/** Parts of a command for each thread. Where others keep a core busy, those who get on take more of them. */
const PARTS: i32 = 4;

/**
 * Polls before a thread goes to sleep: about 40 µs, a little more than it takes to wake a sleeper. Fewer, and threads
 * put each other to sleep at every barrier; many more, and they get in the way of other processes.
 */
const SPINS: i32 = 40000;

/** Into how many parts a command is split: as many for each thread, or fewer where it is not worth it. */
function partsOf(command: usize, threads: i32): i32 {
  const useful = load<i32>(command, 8);
  if (threads == 1) return 1;
  return useful < threads ? useful : min(PARTS, useful / threads) * threads;
}

/** Lets the workers that are there begin with the list of the control block. */
export function begin(control: usize): void {
  const threads = load<i32>(control + THREADS);
  let total = 0;
  for (let command = <usize>load<u32>(control + LIST), length = load<i32>(command); length != 0; length = load<i32>(command)) {
    total += partsOf(command, threads);
    command += <usize>length << 2;
  }
  const number = max(1, load<i32>(control + RUN) + 1);
  store<i32>(control + RUN, number);
  store<i32>(control + TOTAL, total);
  atomic.store<i32>(control + DONE, 0);
  atomic.store<i64>(control + TICKET, <i64>number << 32);
  if (threads > 1) atomic.notify(control + NUMBER, -1);
}

/** Takes part in what was begun. Returns when all is done. */
export function finish(control: usize): void {
  const mayWait = load<i32>(control + MAY_WAIT) != 0;
  walk(control, 0, load<i32>(control + RUN), mayWait);
  awaitDone(control, load<i32>(control + TOTAL), mayWait);
  atomic.store<i32>(control + NUMBER, 0);
}

/**
 * Life of a worker: takes part in every run. Returns when it shall end, or after `idle` ns without work, so that a
 * forgotten worker does not keep the process alive.
 */
export function work(control: usize, worker: i32, idle: i64): void {
  const state = control + WORKERS + (<usize>worker << 2);
  if (atomic.cmpxchg<i32>(state, ABSENT, PRESENT) != ABSENT) return;
  let last = 0;
  while (true) {
    let number = atomic.load<i32>(control + NUMBER);
    for (let i = 0; i < SPINS && (number == 0 || number == last); i++) number = atomic.load<i32>(control + NUMBER);
    if (number == 0 || number == last) {
      const outcome = atomic.wait<i32>(control + NUMBER, number, idle);
      number = atomic.load<i32>(control + NUMBER);
      if (outcome == 2 && (number == 0 || number == last)) break;
    }
    // Asked after the number: who is told to end takes no part in a later run.
    if (atomic.load<i32>(state) == STOP) break;
    if (number == 0 || number == last) continue;
    walk(control, worker + 1, number, true);
    last = number;
  }
  atomic.store<i32>(state, ABSENT);
}

/**
 * Takes parts of a run until none is left. Who holds a part keeps the run from ending, and with it the list and the
 * fields of the control block from changing; who comes too late gets none.
 */
function walk(control: usize, thread: i32, number: i32, mayWait: bool): void {
  const threads = load<i32>(control + THREADS), total = load<i32>(control + TOTAL);
  const scratch = <usize>load<u32>(control + SCRATCH) + <usize>thread * load<u32>(control + SCRATCH_STRIDE);
  let command = <usize>load<u32>(control + LIST);
  let part = take(control, number, total);
  if (part < 0) return;
  let before = 0, needed = 0, parts = partsOf(command, threads); // parts of the commands before; those to wait for
  do {
    while (part >= before + parts) {
      before += parts;
      command += <usize>load<i32>(command) << 2;
      if (load<i32>(command, 4) != 0) needed = before;
      parts = partsOf(command, threads);
    }
    awaitDone(control, needed, mayWait);
    const guard = <usize>load<u32>(command, 16);
    if (guard == 0 || load<i32>(guard) > load<i32>(command, 20)) {
      execute(load<i32>(command, 12), command + HEADER, scratch, part - before, parts);
    }
    atomic.add<i32>(control + DONE, 1);
    if (atomic.load<i32>(control + SLEEPERS) != 0) atomic.notify(control + DONE, -1);
    part = take(control, number, total);
  } while (part >= 0);
}

/** The next part of a run; −1 if there is none, or the run has ended. */
function take(control: usize, number: i32, total: i32): i32 {
  while (true) {
    const ticket = atomic.load<i64>(control + TICKET);
    if (<i32>(ticket >> 32) != number || <i32>ticket >= total) return -1;
    if (atomic.cmpxchg<i64>(control + TICKET, ticket, ticket + 1) == ticket) return <i32>ticket;
  }
}

/** Polls, then sleeps, until so many parts are done. */
function awaitDone(control: usize, count: i32, mayWait: bool): void {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(control + DONE) >= count) return;
  for (let done = atomic.load<i32>(control + DONE); done < count; done = atomic.load<i32>(control + DONE)) {
    if (!mayWait) continue;
    atomic.add<i32>(control + SLEEPERS, 1);
    atomic.wait<i32>(control + DONE, done, -1);
    atomic.sub<i32>(control + SLEEPERS, 1);
  }
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

/** Part t of w of a command: operands at `a` in the order that commands.ts writes them. */
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
      return logitsBackward(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.labelledRows:
      if (t == 0) labelledRows(p(a, 0), p(a, 1), n(a, 2));
      return;
    case Opcode.gatherLabelled:
      return gatherLabelled(p(a, 0), p(a, 1), p(a, 2), p(a, 3), n(a, 4), n(a, 5), t, w);
    case Opcode.scatterLabelled:
      return scatterLabelled(p(a, 0), p(a, 1), p(a, 2), n(a, 3), n(a, 4), t, w);
    case Opcode.squaredErrorBackward:
      return squaredErrorBackward(p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), n(a, 5), n(a, 6), t, w);
    case Opcode.meanLossBackward:
      if (t == 0) meanLossBackward(p(a, 0), p(a, 1), p(a, 2), n(a, 3));
      return;
    case Opcode.sumOfSquares:
      return sumOfSquares(p(a, 0), p(a, 1), n(a, 2), t, w);
    case Opcode.pack:
      return pack(p(a, 0), p(a, 1), n(a, 2), n(a, 3), t, w);
    case Opcode.touch:
      return touch(p(a, 0), n(a, 1), t, w);
    case Opcode.addPartials:
      if (t == 0) addPartials(p(a, 0), p(a, 1));
      return;
    case Opcode.clipFactor:
      if (t == 0) clipFactor(p(a, 0), p(a, 1), p(a, 2), p(a, 3));
      return;
    case Opcode.adamw:
      return adamw(p(a, 0), p(a, 1), p(a, 2), p(a, 3), p(a, 4), p(a, 5), n(a, 6), t, w);
    default:
      unreachable();
  }
}
