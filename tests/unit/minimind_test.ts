import { assert, assertEquals, assertThrows } from "@std/assert";
import type { HostData } from "../../core/backend.ts";
import type { Decoder } from "../../core/decoder.ts";
import { elementCount, Graph, planGraph, type Tensor } from "../../core/graph/mod.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { largestDifference, SeededRun, seededWeight } from "./seeded_run.ts";

const tiny = { hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 50 };
const kinds: Record<string, object> = {
  "generation 2": { ...tiny, generation: 2 },
  "generation 3": { ...tiny, generation: 3, head_dim: 12 },
  "generation 2 with experts": { ...tiny, generation: 2, use_moe: true },
  "generation 3 with experts": { ...tiny, generation: 3, use_moe: true },
  "generation 3 with one key head and a head of its own": {
    ...tiny,
    generation: 3,
    num_key_value_heads: 1,
    tie_word_embeddings: false,
  },
};
const create = (config: object) => createMiniMind(parseMiniMindOptions(config));

const B = 2;
const T = 7;
const V = tiny.vocab_size;
const ids = Int32Array.from({ length: B * T }, (_, i) => (i * 17 + 5) % V);

/** A graph from ids to logits of all tokens. */
function logitsGraph(decoder: Decoder, tokens = T): Graph {
  const graph = new Graph();
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [B, tokens]));
  graph.output("logits", decoder.logits(graph, decoder.forward(graph, hidden).hidden));
  return graph;
}

/** The same over a KV cache of 10 positions that moves on. */
function cachedGraph(decoder: Decoder, tokens: number): Graph {
  const graph = new Graph();
  const start = graph.state("start", "i32", [B]);
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [B, tokens]));
  const output = decoder.forward(graph, hidden, { cache: { capacity: 10, start } });
  graph.output("logits", decoder.logits(graph, output.hidden));
  graph.advance(start, tokens);
  return graph;
}

/** Columns from … to of a `[B,T,…]` array with `width` numbers a token. */
function columns(all: HostData, [from, to]: readonly [number, number], width: number): HostData {
  const parts = Array.from({ length: B }, (_, b) => [...all.slice((b * T + from) * width, (b * T + to) * width)]);
  return all instanceof Int32Array ? Int32Array.from(parts.flat()) : Float32Array.from(parts.flat());
}

/** Logits `[B,T,V]` through a cache, the tokens cut into chunks. */
async function cachedLogits(decoder: Decoder, chunks: readonly number[]): Promise<Float32Array> {
  const run = new SeededRun();
  const logits = new Float32Array(B * T * V);
  let from = 0;
  for (const tokens of chunks) {
    const part = await run.once(cachedGraph(decoder, tokens), { ids: columns(ids, [from, from + tokens], 1) });
    for (let b = 0; b < B; b++) {
      logits.set(part.logits!.subarray(b * tokens * V, (b + 1) * tokens * V), (b * T + from) * V);
    }
    from += tokens;
  }
  return logits;
}

function near(a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5): void {
  const difference = largestDifference(a, b);
  assert(difference <= tolerance, `off by ${difference}`);
}

for (const [kind, config] of Object.entries(kinds)) {
  const decoder = create(config);

  Deno.test(`createMiniMind() decodes with a cache as without for ${kind} within 1e-5`, async () => {
    const { logits } = await new SeededRun().once(logitsGraph(decoder), { ids });
    near(await cachedLogits(decoder, [4, 1, 1, 1]), logits!);
  });

  Deno.test(`createMiniMind() prefills in chunks as in one for ${kind} within 1e-5`, async () => {
    near(await cachedLogits(decoder, [3, 4]), await cachedLogits(decoder, [7]));
  });
}

Deno.test("createMiniMind() lets no token see a later one", async () => {
  const graph = logitsGraph(create(kinds["generation 3"]!));
  const changed = ids.with(T - 1, 0).with(2 * T - 1, 0);
  const a = await new SeededRun().once(graph, { ids });
  const b = await new SeededRun().once(graph, { ids: changed });
  assertEquals(columns(a.logits!, [0, T - 1], V), columns(b.logits!, [0, T - 1], V));
  assert(largestDifference(columns(a.logits!, [T - 1, T], V), columns(b.logits!, [T - 1, T], V)) > 0.1);
});

Deno.test("createMiniMind() leaves padding out of attention within 1e-6", async () => {
  const decoder = create(kinds["generation 2"]!);
  const graph = new Graph();
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [B, T]));
  const keep = graph.input("keep", "i32", [B, T]);
  graph.output("logits", decoder.logits(graph, decoder.forward(graph, hidden, { keep }).hidden));
  const mask = Int32Array.from({ length: B * T }, (_, i) => i % T < 2 ? 0 : 1);
  const a = await new SeededRun().once(graph, { ids, keep: mask });
  const b = await new SeededRun().once(graph, { ids: ids.map((id, i) => mask[i] === 0 ? 49 - id : id), keep: mask });
  near(columns(a.logits!, [2, T], V), columns(b.logits!, [2, T], V), 1e-6);
});

/** Rows of a key or value weight `[G·C,D]`, each group of C repeated: the weight of G·times heads. */
function repeatHeads(weight: Float32Array, times: number, size: number): Float32Array {
  const groups = Array.from({ length: weight.length / size }, (_, g) => weight.subarray(g * size, (g + 1) * size));
  return Float32Array.from(groups.flatMap((group) => Array.from({ length: times }, () => [...group]).flat()));
}

Deno.test("createMiniMind() with grouped heads equals full heads with repeated keys within 1e-5", async () => {
  const grouped = { ...tiny, generation: 3 };
  const { logits } = await new SeededRun().once(logitsGraph(create(grouped)), { ids });
  const C = tiny.hidden_size / tiny.num_attention_heads;
  const run = new SeededRun((tensor: Tensor) => {
    if (!/self_attn\.[kv]_proj/.test(tensor.name)) return seededWeight(tensor);
    const weight = seededWeight({ ...tensor, shape: [2 * C, tiny.hidden_size] });
    return repeatHeads(weight, 2, C * tiny.hidden_size);
  });
  const full = await run.once(logitsGraph(create({ ...grouped, num_key_value_heads: 4 })), { ids });
  near(full.logits!, logits!);
});

Deno.test("createMiniMind() with one expert equals the dense model within 1e-5", async () => {
  const { logits } = await new SeededRun().once(logitsGraph(create({ ...tiny, generation: 3 })), { ids });
  const config = { ...tiny, generation: 3, use_moe: true, num_experts: 1 };
  const run = new SeededRun((tensor) => seededWeight({ ...tensor, name: tensor.name.replace("experts.0.", "") }));
  near((await run.once(logitsGraph(create(config)), { ids })).logits!, logits!);
});

Deno.test("createMiniMind() adds shared experts to the routed ones within 1e-5", async () => {
  // Routed experts that give nothing leave a shared one that is the dense feed-forward part.
  const { logits } = await new SeededRun().once(logitsGraph(create({ ...tiny, generation: 2 })), { ids });
  const run = new SeededRun((tensor) => {
    if (/mlp\.experts\..*down_proj/.test(tensor.name)) return new Float32Array(elementCount(tensor.shape));
    return seededWeight({ ...tensor, name: tensor.name.replace("shared_experts.0.", "") });
  });
  near((await run.once(logitsGraph(create({ ...tiny, generation: 2, use_moe: true })), { ids })).logits!, logits!);
});

/** The auxiliary loss of a decoder whose router finds all experts equal, so that the first k take every token. */
async function auxLossOf(config: object): Promise<number> {
  const graph = new Graph();
  const decoder = create({ ...tiny, use_moe: true, num_experts: 4, ...config });
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [B, T]));
  graph.output("auxLoss", decoder.forward(graph, hidden, { auxLoss: true }).auxLoss!);
  const run = new SeededRun((tensor) => {
    return tensor.name.endsWith("mlp.gate.weight")
      ? new Float32Array(elementCount(tensor.shape))
      : seededWeight(tensor);
  });
  return (await run.once(graph, { ids })).auxLoss![0]!;
}

Deno.test("createMiniMind() sums the auxiliary loss over blocks, averaged over choices in generation 2 within 1e-6", async () => {
  for (const seq_aux of [true, false]) {
    near([await auxLossOf({ generation: 2, num_experts_per_tok: 2, aux_loss_alpha: 0.1, seq_aux })], [0.2], 1e-6);
  }
});

Deno.test("createMiniMind() sums the auxiliary loss over blocks and choices in generation 3 within 1e-6", async () => {
  near([await auxLossOf({ generation: 3, num_experts_per_tok: 1, router_aux_loss_coef: 0.1 })], [0.2], 1e-6);
  near([await auxLossOf({ generation: 3, num_experts_per_tok: 2, router_aux_loss_coef: 0.1 })], [0.4], 1e-6);
});

Deno.test("createMiniMind() weighs a lone expert with its score in generation 2, with 1 in generation 3", () => {
  const normalises = (config: object) => {
    const graph = logitsGraph(create({ ...tiny, use_moe: true, num_experts_per_tok: 1, ...config }));
    return graph.calls.flatMap((call) => call.kernel === "route" ? [call.attributes.normalise] : []);
  };
  assertEquals(normalises({ generation: 2 }), [false, false]);
  assertEquals(normalises({ generation: 3 }), [true, true]);
  assertEquals(normalises({ generation: 2, num_experts_per_tok: 2 }), [true, true]);
  assertEquals(normalises({ generation: 3, norm_topk_prob: false }), [false, false]);
});

Deno.test("createMiniMind() gives an auxiliary loss only when asked and only with experts", () => {
  const auxLoss = (config: object, asked: boolean) => {
    const graph = new Graph();
    const decoder = create({ ...tiny, ...config });
    const hidden = decoder.embed(graph, graph.input("ids", "i32", [B, T]));
    return decoder.forward(graph, hidden, { auxLoss: asked }).auxLoss?.shape;
  };
  assertEquals(auxLoss({ generation: 3, use_moe: true }, true), [1]);
  assertEquals(auxLoss({ generation: 3, use_moe: true }, false), undefined);
  assertEquals(auxLoss({ generation: 3 }, true), undefined);
});

Deno.test("createMiniMind() refuses more tokens than the cache or the positions hold", () => {
  const decoder = create({ ...tiny, generation: 3, max_position_embeddings: 12 });
  assertEquals(
    assertThrows(() => cachedGraph(decoder, 11), RangeError).message,
    `Cannot add "minimind-3": 11 tokens, but the cache has 10 positions`,
  );
  assertEquals(
    assertThrows(() => logitsGraph(decoder, 13), RangeError).message,
    `Cannot add "minimind-3": 13 positions, but it has 12`,
  );
});

/** Every parameter of decoder and projector, by name. */
function parametersOf(config: object, createProjector: typeof createLinearProjector): Map<string, readonly number[]> {
  const options = parseMiniMindOptions(config);
  const decoder = createMiniMind(options);
  const graph = new Graph();
  const projector = createProjector({ input: { tokens: 1, width: 768 }, width: options.hiddenSize });
  projector.project(graph, graph.input("features", "f32", [1, 1, 768]));
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [1, 1]));
  decoder.logits(graph, decoder.forward(graph, hidden).hidden);
  const parameters = [...planGraph(graph).storages].filter(([, tensor]) => tensor.role === "parameter");
  return new Map(parameters.map(([name, tensor]) => [name, tensor.shape]));
}

const total = (parameters: Map<string, readonly number[]>) =>
  [...parameters.values()].reduce((sum, shape) => sum + elementCount(shape), 0);

Deno.test("createMiniMind() has the parameters of MiniMind2-V, one weight for embedding and head", () => {
  const parameters = parametersOf({ generation: 2 }, createLinearProjector);
  assertEquals(total(parameters), 26_223_616);
  assertEquals(parameters.size, 76); // upstream's 77 keys name the tied weight twice
  const block = "model.layers.7";
  assertEquals(parameters.get("model.embed_tokens.weight"), [6400, 512]);
  assertEquals(parameters.get(`${block}.self_attn.q_proj.weight`), [512, 512]);
  assertEquals(parameters.get(`${block}.self_attn.k_proj.weight`), [128, 512]);
  assertEquals(parameters.get(`${block}.self_attn.v_proj.weight`), [128, 512]);
  assertEquals(parameters.get(`${block}.self_attn.o_proj.weight`), [512, 512]);
  assertEquals(parameters.get(`${block}.input_layernorm.weight`), [512]);
  assertEquals(parameters.get(`${block}.post_attention_layernorm.weight`), [512]);
  assertEquals(parameters.get(`${block}.mlp.gate_proj.weight`), [1408, 512]);
  assertEquals(parameters.get(`${block}.mlp.up_proj.weight`), [1408, 512]);
  assertEquals(parameters.get(`${block}.mlp.down_proj.weight`), [512, 1408]);
  assertEquals(parameters.get("model.norm.weight"), [512]);
  assertEquals(create({ generation: 2 }).tied, [["model.embed_tokens.weight", "lm_head.weight"]]);

  const large = { generation: 2, hidden_size: 768, num_hidden_layers: 16 };
  assertEquals(total(parametersOf(large, createLinearProjector)), 104_621_568);
});

Deno.test("createMiniMind() has the parameters of MiniMind2-V's mixture of experts", () => {
  const parameters = parametersOf({ generation: 2, hidden_size: 640, use_moe: true }, createLinearProjector);
  assertEquals(total(parameters), 145_521_920);
  assertEquals(parameters.size, 180);
  assertEquals(parameters.get("model.layers.0.mlp.gate.weight"), [4, 640]);
  assertEquals(parameters.get("model.layers.0.mlp.experts.3.down_proj.weight"), [640, 1728]);
  assertEquals(parameters.get("model.layers.0.mlp.shared_experts.0.gate_proj.weight"), [1728, 640]);
});

Deno.test("createMiniMind() has the parameters of minimind-3v, dense and mixed", () => {
  const dense = parametersOf({ generation: 3 }, createMlpProjector);
  assertEquals(total(dense), 65_094_912);
  assertEquals(dense.size, 96);
  assertEquals(dense.get("model.layers.0.self_attn.q_norm.weight"), [96]);
  assertEquals(dense.get("model.layers.0.self_attn.k_norm.weight"), [96]);
  assertEquals(total(parametersOf({ generation: 3, use_moe: true }, createMlpProjector)), 199_599_360);
});

Deno.test("createMiniMind() has a head of its own when it is not tied", () => {
  const decoder = create({ ...tiny, generation: 3, tie_word_embeddings: false });
  assertEquals(decoder.tied, []);
  assertEquals(decoder.head(new Graph()).name, "lm_head.weight");
  assertEquals(create(kinds["generation 3"]!).head(new Graph()).name, "model.embed_tokens.weight");
});
