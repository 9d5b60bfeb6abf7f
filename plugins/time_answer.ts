/**
 * How long a backend takes for an answer in small: the work by which backends are compared.
 *
 * @module
 */
import type { Backend, Program, Storage } from "../core/backend.ts";
import { elementCount, Graph, type Plan, planGraph } from "../core/graph/mod.ts";
import { createMiniMind, parseMiniMindOptions } from "../decoders/minimind/mod.ts";

/** Two blocks as wide as the smallest released model's, 25 MB of weights: more than most processors keep at hand. */
const decoder = createMiniMind(parseMiniMindOptions({
  generation: 3,
  hidden_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  vocab_size: 1600,
}));

/** Tokens that are taken in at once. */
const PROMPT = 64;

/** Tokens that follow one by one. A device is waited for after so many of them. */
const STEPS = 16, AT_ONCE = 8;

/** Milliseconds after which no further round begins. */
const PATIENCE = 60;

/**
 * Milliseconds of a prompt of 64 tokens and 16 steps of one token, the shortest of the rounds that fit into a moment.
 * What is compiled or touched for the first time is so before.
 */
export async function timeAnswer(backend: Backend): Promise<number> {
  const plans = [planTokens(PROMPT), planTokens(1)] as const;
  const storages = new Map<string, Storage>();
  try {
    for (const plan of plans) allocate(backend, plan, storages);
    using prompt = backend.load(plans[0], storages);
    using step = backend.load(plans[1], storages);
    await runs(prompt, 1);
    await runs(step, 1);
    let best = Infinity;
    const end = performance.now() + PATIENCE;
    do {
      const start = performance.now();
      await runs(prompt, 1);
      for (let i = 0; i < STEPS; i += AT_ONCE) await runs(step, AT_ONCE);
      best = Math.min(best, performance.now() - start);
    } while (performance.now() < end);
    return best;
  } finally {
    for (const storage of storages.values()) backend.free(storage);
  }
}

/** `ids` `[1,T]` to `logits` `[1,T,V]`. */
function planTokens(tokens: number): Plan {
  const graph = new Graph();
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [1, tokens]));
  graph.output("logits", decoder.logits(graph, decoder.forward(graph, hidden).hidden));
  return planGraph(graph);
}

function allocate(backend: Backend, { storages: specs, constants }: Plan, storages: Map<string, Storage>): void {
  for (const spec of specs.values()) {
    if (storages.has(spec.name)) continue;
    const storage = backend.alloc(spec);
    storages.set(spec.name, storage);
    backend.write(storage, constants.get(spec.name) ?? new Float32Array(elementCount(spec.shape)).fill(0.01));
  }
}

/** Runs a program so many times, and waits for the last. */
async function runs(program: Program, count: number): Promise<void> {
  for (let i = 0; i < count; i++) program.run();
  await program.read("logits");
}
