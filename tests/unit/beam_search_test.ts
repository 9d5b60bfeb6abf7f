import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { BeamSearch } from "../../core/beam_search.ts";
import { createGenerator } from "../../core/generate.ts";
import { bindModel, planParameters } from "../../core/model_plans.ts";
import { createModel } from "../../core/model.ts";
import { uniform } from "../../core/sampling.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { drawFloats } from "../../cli/verify/number_generator.ts";
import { createLinearProjector } from "../../projectors/linear.ts";

/** What follows a sequence of ids: probabilities `[V]`. */
type Next = (ids: readonly number[]) => Float32Array;

interface Ending {
  readonly ids: readonly number[];
  readonly score: number;
}

const scoreOf = (sum: number, { length }: readonly number[], penalty: number) => sum / length ** penalty;

/** The best of all sequences that there are. */
function bruteForce(next: Next, { stop, most, penalty }: { stop: number; most: number; penalty: number }): Ending {
  let best: Ending = { ids: [], score: -Infinity };
  const extend = (ids: readonly number[], sum: number): void => {
    next(ids).forEach((p, id) => {
      const longer = [...ids, id];
      const total = sum + Math.log(p);
      if (id !== stop && longer.length < most) return extend(longer, total);
      const score = scoreOf(total, longer, penalty);
      if (score > best.score) best = { ids: longer, score };
    });
  };
  extend([], 0);
  return best;
}

/** Beam search as it is told in a few words, to the last length and without any short cut. */
function plainSearch(
  next: Next,
  { stop, most, penalty, count }: { stop: number; most: number; penalty: number; count: number },
): Ending {
  let beams = [{ ids: [] as number[], sum: 0 }];
  const endings: Ending[] = [];
  for (let length = 1; length <= most; length++) {
    const longer = beams.flatMap(({ ids, sum }) => {
      return [...next(ids)].map((p, id) => ({ ids: [...ids, id], sum: sum + Math.log(p) }));
    }).sort((a, b) => b.sum - a.sum);
    const alive = longer.filter(({ ids }) => ids.at(-1) !== stop);
    const last = alive[count - 1]?.sum ?? -Infinity;
    const ended = longer.filter(({ ids, sum }) => ids.at(-1) === stop && sum > last);
    beams = alive.slice(0, count);
    for (const { ids, sum } of length === most ? [...ended, ...beams] : ended) {
      endings.push({ ids, score: scoreOf(sum, ids, penalty) });
    }
  }
  return endings.sort((a, b) => b.score - a.score)[0]!;
}

function search(next: Next, options: { stop: number; most: number; penalty: number; count: number }): Ending {
  const { count, penalty, stop, most } = options;
  const beams = new BeamSearch({ count, lengthPenalty: penalty }, { stopIds: [stop], maxNewTokens: most });
  let live: number[][] = [[]];
  while (live.length > 0) {
    live = beams.take(live.map(next)).map(({ from, id }) => [...live[from]!, id]);
  }
  return { ids: beams.best, score: beams.score };
}

/** Probabilities that depend on the last two ids, some far likelier than others. */
function table(seed: number, V: number): Next {
  return (ids) => {
    const stream = seed + 7919 * (ids.at(-1) ?? 100) + 104729 * (ids.at(-2) ?? 200);
    const parts = Array.from({ length: V }, (_, id) => uniform(stream, id) ** 3 + 1e-3);
    const sum = parts.reduce((a, b) => a + b);
    return Float32Array.from(parts, (part) => part / sum);
  };
}

Deno.test("BeamSearch finds what brute force finds when it follows everything", () => {
  const V = 4, most = 5;
  for (let seed = 0; seed < 40; seed++) {
    for (const penalty of [0, 0.7, 1, -0.5]) {
      const next = table(seed, V);
      const expected = bruteForce(next, { stop: 2, most, penalty });
      const found = search(next, { stop: 2, most, penalty, count: (V - 1) ** (most - 1) });
      assertEquals(found.ids, expected.ids);
      assertAlmostEquals(found.score, expected.score, 1e-12);
    }
  }
});

Deno.test("BeamSearch with few beams finds what a search to the last length finds, and greedy ids with one", () => {
  let differing = 0;
  for (let seed = 0; seed < 60; seed++) {
    for (const penalty of [0, 0.7, 1.5]) {
      const next = table(seed, 6);
      for (const count of [1, 2, 3, 5]) {
        const options = { stop: 1, most: 9, penalty, count };
        assertEquals(search(next, options), plainSearch(next, options));
      }
      const one = search(next, { stop: 6, most: 9, penalty, count: 1 }).ids;
      const greedy: number[] = [];
      while (greedy.length < 9) {
        const p = next(greedy);
        greedy.push(p.indexOf(Math.max(...p)));
      }
      assertEquals(one, greedy);
      if (search(next, { stop: 6, most: 9, penalty, count: 3 }).ids.join() !== one.join()) differing++;
    }
  }
  assert(differing > 30);
});

Deno.test("BeamSearch prefers the earlier beam, then the lower id on a tie, and stops when nothing can win", () => {
  const even = () => Float32Array.of(0.25, 0.25, 0.25, 0.25);
  const beams = new BeamSearch({ count: 2 }, { stopIds: [3], maxNewTokens: 3 });
  assertEquals(beams.take([even()]), [{ from: 0, id: 0 }, { from: 0, id: 1 }]);
  assertThrows(() => beams.best, Error, "none has won yet");
  assertEquals(beams.take([even(), even()]), [{ from: 0, id: 0 }, { from: 0, id: 1 }]);
  assertEquals(beams.take([even(), even()]), []);
  assertEquals(beams.best, [0, 0, 0]);
  const sure = new BeamSearch({ count: 2 }, { stopIds: [3], maxNewTokens: 1000 });
  // log 0.99 is −0.010, and log 0.005 over 1000^0.5, the best that any other can come to, is −0.168.
  assertEquals(sure.take([Float32Array.of(0.005, 0.004, 0.001, 0.99)]), []);
  assertEquals(sure.best, [3]);
});

Deno.test("BeamSearch refuses numbers that make no search", () => {
  const limits = { stopIds: [], maxNewTokens: 3 };
  assertThrows(() => new BeamSearch({ count: 0 }, limits), RangeError, "Cannot search with 0 beams");
  assertThrows(() => new BeamSearch({ count: 2, lengthPenalty: NaN }, limits), RangeError, "lengthPenalty NaN");
});

const V = 7;
const model = createModel({
  projector: createLinearProjector({ input: { tokens: 2, width: 8 }, width: 16 }),
  decoder: createMiniMind(parseMiniMindOptions({
    generation: 3,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    intermediate_size: 24,
    vocab_size: V,
    max_position_embeddings: 64,
  })),
  placeholder: { marker: 6, tokens: 2, match: "exact" },
});
const weights = new Map(
  [...planParameters(model).storages].filter(([, { role }]) => role === "parameter").map(([name, { shape }], i) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const range = { amplitude: 3 / Math.sqrt(shape.at(-1)!), center: name.includes("norm") ? 1 : 0 };
    return [name, { shape, toFloat32: () => drawFloats({ seed: i, count }, range) }];
  }),
);

Deno.test("generate() with beams finds the best of all answers of a model, and with few what a plain search finds", async () => {
  await using reference = createReferenceBackend();
  const bound = bindModel(reference, model, { sources: [weights] });
  // Probabilities after a prompt and some ids, each from a run of its own.
  using single = createGenerator(reference, model, { weights: bound, context: 32 });
  const known = new Map<string, Float32Array>();
  const explore = async (prompt: readonly number[], ids: readonly number[], most: number): Promise<void> => {
    const sampling = { temperature: 1 };
    for await (const _ of single.generate({ ids: [...prompt, ...ids], sampling, maxNewTokens: 1 })) {
      known.set([...prompt, ...ids].join(), await single.read("probabilities"));
    }
    if (ids.length + 1 === most) return;
    for (let id = 0; id < V; id++) await explore(prompt, [...ids, id], most);
  };
  const prompts = [[1], [5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 1], [2, 2, 3]];
  const [stop, most, lengthPenalty] = [4, 4, 0.7];
  for (const prompt of prompts) await explore(prompt, [], most);
  await using wasm = await createWasmBackend({ threads: 2 });
  for (const backend of [reference, wasm]) {
    const own = bindModel(backend, model, { sources: [weights] });
    using generator = createGenerator(backend, model, { weights: own, context: 32, rows: 250, pieces: [4, 16] });
    const answer = (ids: number[], count: number) =>
      Array.fromAsync(
        generator.generate({ ids, beams: { count, lengthPenalty }, maxNewTokens: most, stopIds: [stop] }),
      );
    const wanted = prompts.flatMap((prompt) => {
      const next: Next = (ids) => known.get([...prompt, ...ids].join())!;
      const everything = bruteForce(next, { stop, most, penalty: lengthPenalty });
      const all = { prompt, count: (V - 1) ** (most - 1), ids: everything.ids };
      const few = [1, 2, 3, 5].map((count) => {
        return { prompt, count, ids: plainSearch(next, { stop, most, penalty: lengthPenalty, count }).ids };
      });
      return [...few, all];
    });
    for (const { prompt, count, ids } of wanted) assertEquals(await answer(prompt, count), ids);
    const few = wanted.filter(({ count }) => count <= 5);
    const together = await Promise.all(few.map(({ prompt, count }) => answer(prompt, count)));
    assertEquals(together, few.map(({ ids }) => ids));
  }
});

Deno.test("generate() refuses more beams than rows, and sampling beside beams", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 32, rows: 2 });
  const first = (options: object) => generator.generate({ ids: [1], ...options }).next();
  await assertRejects(
    () => first({ beams: { count: 3 } }),
    RangeError,
    "Cannot generate: 3 beams take as many rows, the generator has 2",
  );
  await assertRejects(() => first({ beams: { count: 2 }, sampling: { temperature: 1 } }), RangeError, "draws nothing");
});
