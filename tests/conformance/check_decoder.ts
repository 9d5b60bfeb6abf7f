/**
 * What every decoder must keep.
 *
 * @module
 */
import type { Backend, Program } from "../../core/backend.ts";
import type { Decoder, ForwardOptions } from "../../core/decoder.ts";
import { Graph, packedSegment } from "../../core/graph/graph.ts";
import { compareNumbers } from "./check_backend.ts";
import {
  checkFinite,
  checkIgnores,
  checkNamed,
  checkShape,
  checkSizes,
  defaultTolerance,
  type PartCheckOptions,
  PartRun,
  refuse,
  runOnce,
  sameNumbers,
} from "./part_run.ts";

/** Tokens of a test sequence, and how many of them a cached run takes in at once. */
const [T, prefilled] = [6, 4];

/** What the checks of one decoder share. */
interface Subject {
  readonly part: string;
  readonly decoder: Decoder;
  readonly run: PartRun;
  readonly tolerance: number;
}

/**
 * Checks a decoder: shapes, finite numbers, that runs repeat, that sequences of a batch do not mix, that a token sees
 * those before it and none after it or masked, that a KV cache changes nothing, that sequences packed into a row are as
 * they are alone, unless it throws for them, and that the head is what the logits are made with.
 *
 * @throws {Error} naming the decoder and what is wrong
 */
export async function checkDecoder(decoder: Decoder, backend: Backend, options: PartCheckOptions = {}): Promise<void> {
  const { name, width, vocabulary, maxPositions } = decoder;
  const part = `decoder "${name}"`;
  if (name === "") refuse(part, "it has no name");
  checkSizes(part, { width, vocabulary, maxPositions });
  if (maxPositions < T) refuse(part, `it has ${maxPositions} positions, and the check needs ${T}`);
  if (vocabulary < 4) refuse(part, `it has ${vocabulary} ids, and the check needs 4`);
  using run = new PartRun(backend, options);
  const subject = { part, decoder, run, tolerance: options.tolerance ?? defaultTolerance };
  const pair = run.load(draw(subject, { rows: 2 }));
  await checkBatch(subject, pair);
  await checkOrder(subject, pair);
  await checkMask(subject);
  await checkHead(subject);
  await checkAuxLoss(subject);
  await checkCache(subject);
  await checkPacking(subject);
}

/** Ids of a row of T tokens that differ from those of another start. */
function idsFrom(start: number, { vocabulary }: Decoder): number[] {
  return Array.from({ length: T }, (_, t) => (start + t * (t + 3)) % vocabulary);
}

/** Sizes of a test graph and what it is about. */
interface Drawing {
  readonly rows: number;
  readonly tokens?: number;
  readonly forward?: (graph: Graph) => ForwardOptions;
  readonly finish?: (graph: Graph) => void;
}

/** ids `[B,T]` → `output`, the logits `[B,T,V]`. */
function draw({ part, decoder }: Subject, { rows: B, tokens = T, forward, finish }: Drawing): Graph {
  const { width: D, vocabulary: V } = decoder;
  const graph = new Graph();
  const embeddings = decoder.embed(graph, graph.input("ids", "i32", [B, tokens]));
  checkShape(part, embeddings, { shape: [B, tokens, D], what: "embed()" });
  const output = decoder.forward(graph, embeddings, forward?.(graph));
  checkShape(part, output.hidden, { shape: [B, tokens, D], what: "forward().hidden" });
  output.blocks.forEach((block, i) => {
    checkShape(part, block, { shape: [B, tokens, D], what: `forward().blocks[${i}]` });
  });
  const logits = decoder.logits(graph, output.hidden);
  checkShape(part, logits, { shape: [B, tokens, V], what: "logits()" });
  if (forward === undefined) {
    checkNamed(part, graph, ["ids"]);
    checkIgnores(part, graph, decoder.ignores);
    for (const [name] of decoder.tied) {
      if (graph.named.get(name)?.role !== "parameter") refuse(part, `it ties "${name}", which it does not use`);
    }
    if (output.auxLoss !== undefined) refuse(part, "it computes auxLoss without being asked to");
  }
  graph.output("output", logits);
  finish?.(graph);
  return graph;
}

async function checkBatch(subject: Subject, pair: Program): Promise<void> {
  const { part, decoder, run, tolerance } = subject;
  const [a, b] = [idsFrom(1, decoder), idsFrom(2, decoder)];
  const logits = await runOnce(pair, { ids: Int32Array.from([...a, ...b]) });
  checkFinite(part, logits, "logits()");
  if (!sameNumbers(logits, await runOnce(pair, { ids: Int32Array.from([...a, ...b]) }))) {
    refuse(part, "it gives other numbers when run again");
  }
  const alone = await runOnce(run.load(draw(subject, { rows: 1 })), { ids: Int32Array.from(b) });
  const beside = logits.slice(logits.length / 2);
  compareNumbers(alone, beside, { place: `${part} on a sequence alone`, tolerance });
}

/** A token sees what stands before it and nothing that comes after. */
async function checkOrder({ part, decoder, tolerance }: Subject, pair: Program): Promise<void> {
  const V = decoder.vocabulary;
  const ids = idsFrom(1, decoder);
  const other = (t: number) => ids.with(t, (ids[t]! + 1) % V);
  // The first row as it is, the second with one id changed.
  const compared = async (changed: readonly number[]) => {
    const logits = await runOnce(pair, { ids: Int32Array.from([...ids, ...changed]) });
    return [logits.slice(0, T * V), logits.slice(T * V)] as const;
  };
  const [before, after] = await compared(other(T - 1));
  const place = `${part} on tokens before one that changed`;
  compareNumbers(after.slice(0, (T - 1) * V), before.slice(0, (T - 1) * V), { place, tolerance });
  const lastRow = (logits: Float32Array) => logits.slice((T - 1) * V);
  if (sameNumbers(lastRow(after), lastRow(before))) refuse(part, "a token does not change its own logits");
  const [, late] = await compared(other(0));
  if (sameNumbers(lastRow(late), lastRow(before))) refuse(part, "a token does not see the ones before it");
}

/** What `keep` leaves out changes nothing for others. */
async function checkMask(subject: Subject): Promise<void> {
  const { part, decoder, run, tolerance } = subject;
  const V = decoder.vocabulary;
  const forward = (graph: Graph) => ({ keep: graph.input("keep", "i32", [2, T]) });
  const program = run.load(draw(subject, { rows: 2, forward }));
  const ids = idsFrom(1, decoder);
  const mask = Array.from({ length: T }, (_, t) => Number(t !== 1));
  const logits = await runOnce(program, {
    ids: Int32Array.from([...ids, ...ids.with(1, (ids[1]! + 1) % V)]),
    keep: Int32Array.from([...mask, ...mask]),
  });
  const seen = (row: number) => logits.slice((row * T + 2) * V, (row + 1) * T * V);
  compareNumbers(seen(1), seen(0), { place: `${part} on tokens after one that is masked`, tolerance });
}

/** A loss computed with `head()` must be that of `logits()`. */
async function checkHead(subject: Subject): Promise<void> {
  const { part, decoder, run, tolerance } = subject;
  const { width: D, vocabulary: V } = decoder;
  const graph = new Graph();
  const hidden = graph.input("hidden", "f32", [T, D]);
  const head = decoder.head(graph);
  if (head.layout !== "matrix" || head.shape[0] !== V || head.shape[1] !== D || head.shape.length !== 2) {
    refuse(part, `head() is ${head.layout} [${head.shape}], expected a matrix [${V}, ${D}]`);
  }
  graph.output("output", decoder.logits(graph, hidden));
  graph.output("product", graph.linear(hidden, head));
  const program = run.load(graph);
  const logits = await runOnce(program, { hidden: Float32Array.from({ length: T * D }, (_, i) => Math.sin(i)) });
  const product = await program.read("product");
  compareNumbers(logits, product, { place: `${part}: logits(), compared with its head()`, tolerance });
}

async function checkAuxLoss({ part, decoder, run }: Subject): Promise<void> {
  const graph = new Graph();
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [1, T]));
  const { auxLoss } = decoder.forward(graph, hidden, { auxLoss: true });
  if (auxLoss === undefined) return; // a dense decoder has none
  checkShape(part, auxLoss, { shape: [1], what: "forward().auxLoss" });
  graph.output("output", auxLoss);
  const ids = Int32Array.from(idsFrom(1, decoder));
  checkFinite(part, await runOnce(run.load(graph), { ids }), "forward().auxLoss");
}

/**
 * A prompt taken in by pieces gives what it gives at once, with two sequences that have come differently far and lie in
 * two of three rows of the cache.
 */
async function checkCache(subject: Subject): Promise<void> {
  const { part, decoder, run, tolerance } = subject;
  const V = decoder.vocabulary;
  const cached = (tokens: number) => {
    const forward = (graph: Graph) => ({
      cache: {
        capacity: T,
        rows: 3,
        start: graph.state("position", "i32", [2]),
        row: graph.state("row", "i32", [2]),
      },
    });
    const finish = (graph: Graph) => graph.advance(graph.state("position", "i32", [2]), tokens);
    return run.load(draw(subject, { rows: 2, tokens, forward, finish }));
  };
  const [prefill, decode] = [cached(prefilled), cached(1)];
  const [a, b] = [idsFrom(1, decoder), idsFrom(2, decoder)];
  const whole = await runOnce(run.load(draw(subject, { rows: 2 })), { ids: Int32Array.from([...a, ...b]) });
  const expect = (got: Float32Array, [row, t, count]: readonly [number, number, number]) => {
    const expected = whole.slice((row * T + t) * V, (row * T + t + count) * V);
    const place = `${part} with a KV cache at position ${t}`;
    compareNumbers(got, expected, { place, tolerance });
  };
  run.set("row", Int32Array.from([2, 0]));
  const firsts = (ids: readonly number[]) => ids.slice(0, prefilled);
  const filled = await runOnce(prefill, { ids: Int32Array.from([...firsts(a), ...firsts(b)]) });
  expect(filled.slice(0, prefilled * V), [0, 0, prefilled]);
  expect(filled.slice(prefilled * V), [1, 0, prefilled]);
  // The second sequence goes one step back, as when its last token is drawn anew.
  run.set("position", Int32Array.from([prefilled, prefilled - 1]));
  for (let step = 0; step < T - prefilled; step++) {
    const [s, t] = [prefilled + step, prefilled - 1 + step];
    const logits = await runOnce(decode, { ids: Int32Array.from([a[s]!, b[t]!]) });
    expect(logits.slice(0, V), [0, s, 1]);
    expect(logits.slice(V), [1, t, 1]);
  }
}

/** Two sequences behind one beginning, and what each of them gives alone. */
async function checkPacking(subject: Subject): Promise<void> {
  const { part, decoder, run, tolerance } = subject;
  const V = decoder.vocabulary;
  const input = (graph: Graph, name: string) => graph.input(name, "i32", [1, T]);
  const forward = (graph: Graph) => ({
    packing: { position: input(graph, "position"), segment: input(graph, "segment") },
  });
  let graph: Graph;
  try {
    graph = draw(subject, { rows: 1, forward });
  } catch {
    return; // it knows no packing and says so
  }
  const [a, b, c, d, e, f] = idsFrom(1, decoder) as [number, number, number, number, number, number];
  const packed = await runOnce(run.load(graph), {
    ids: Int32Array.of(a, b, c, d, e, f),
    position: Int32Array.of(0, 1, 2, 3, 2, 3),
    segment: Int32Array.from([0, 0, 1, 1, 2, 2], (at) => packedSegment(1, at)),
  });
  const alone = await runOnce(run.load(draw(subject, { rows: 2, tokens: 4 })), {
    ids: Int32Array.of(a, b, c, d, a, b, e, f),
  });
  const place = `${part} on sequences packed into one row`;
  compareNumbers(packed.slice(0, 4 * V), alone.slice(0, 4 * V), { place, tolerance });
  compareNumbers(packed.slice(4 * V), alone.slice(6 * V), { place, tolerance });
}
