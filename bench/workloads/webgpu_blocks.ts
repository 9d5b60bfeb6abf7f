/**
 * Two blocks of a decoder as MiniMind2-Small has them, without embedding and head: ours and the same in jax-js.
 *
 * @module
 */
import {
  type Backend,
  createMiniMind,
  Graph,
  parseMiniMindOptions,
  planGraph,
  ropeTables,
  type Storage,
} from "../../engine.ts";
import type { Jax, JaxArray, JaxArrays } from "../peers/jax_js.ts";
import { randomFloats, randomWeights } from "../random_weights.ts";
import { load, type Runner } from "./side.ts";

/** Tokens that go through the blocks. */
export const tokens = 256;

const options = parseMiniMindOptions({ generation: 2, num_hidden_layers: 2 });
const { numAttentionHeads: H, numKeyValueHeads: G, headDim: C, hiddenSize: D } = options;

/** The plan, from embeddings to what the last norm gives. */
function plan() {
  const graph = new Graph();
  const x = graph.input("x", "f32", [1, tokens, D]);
  graph.output("y", createMiniMind(options).forward(graph, x).hidden);
  return planGraph(graph);
}

/** Ours. */
export function blocksOurs(backend: Backend): Runner {
  const made = plan();
  const storages = new Map<string, Storage>();
  for (const [name, { toFloat32 }] of randomWeights(made, 1)) {
    const storage = backend.alloc(made.storages.get(name)!);
    backend.write(storage, toFloat32());
    storages.set(name, storage);
  }
  const program = load(backend, made, storages);
  program.write("x", randomFloats(tokens * D, 1));
  const output = async () => await program.read("y") as Float32Array;
  return {
    name: backend.name,
    async run() {
      program.run();
      await output();
    },
    output,
    dispose() {
      program[Symbol.dispose]();
      for (const storage of storages.values()) backend.free(storage);
    },
  };
}

/** The peer's, as one `jit`. */
export function blocksJax(jax: Jax): Runner {
  const { numpy: np } = jax;
  const weights: JaxArrays = {};
  for (const [name, { shape, toFloat32 }] of randomWeights(plan(), 1)) {
    weights[name] = np.array(toFloat32(), { shape });
  }
  const { cos, sin } = ropeTables(options, tokens);
  const shape = [tokens, 1, C / 2];
  const given: JaxArrays = {
    x: np.array(randomFloats(tokens * D, 1), { shape: [1, tokens, D] }),
    cos: np.array(cos, { shape }),
    sin: np.array(sin, { shape }),
  };
  const apply = jax.jit((all: JaxArrays, inputs: JaxArrays) => blocks(jax, all, inputs));
  const again = (arrays: JaxArrays) => Object.fromEntries(Object.entries(arrays).map(([name, { ref }]) => [name, ref]));
  const output = async () => await apply(again(weights), again(given)).data();
  return {
    name: "jax-js webgpu",
    async run() {
      await output();
    },
    output,
    dispose() {
      for (const array of [...Object.values(weights), ...Object.values(given)]) array.dispose();
    },
  };
}

function blocks(jax: Jax, weights: JaxArrays, given: JaxArrays): JaxArray {
  const { numpy: np, nn } = jax;
  let x = given.x!;
  for (let layer = 0; layer < options.numHiddenLayers; layer++) {
    const weight = (name: string) => weights[`model.layers.${layer}.${name}.weight`]!;
    const linear = (y: JaxArray, name: string) => np.matmul(y, weight(name).transpose());
    const normed = norm(jax, x.ref, weight("input_layernorm"));
    const q = linear(normed.ref, "self_attn.q_proj").reshape([1, tokens, H, C]);
    const k = linear(normed.ref, "self_attn.k_proj").reshape([1, tokens, G, C]);
    const v = linear(normed, "self_attn.v_proj").reshape([1, tokens, G, C]);
    const seen = nn.dotProductAttention(turn(jax, q, given), turn(jax, k, given), v, { isCausal: true });
    x = x.add(linear(seen.reshape([1, tokens, D]), "self_attn.o_proj"));
    const inner = norm(jax, x.ref, weight("post_attention_layernorm"));
    const gate = nn.silu(linear(inner.ref, "mlp.gate_proj"));
    x = x.add(linear(gate.mul(linear(inner, "mlp.up_proj")), "mlp.down_proj"));
  }
  given.cos!.dispose();
  given.sin!.dispose();
  return norm(jax, x, weights["model.norm.weight"]!);
}

function norm({ numpy: np }: Jax, x: JaxArray, weight: JaxArray): JaxArray {
  const size = np.sqrt(np.mean(np.square(x.ref), -1, { keepdims: true }).add(options.rmsNormEps));
  return x.div(size).mul(weight);
}

/** Rotary position, halves convention. */
function turn({ numpy: np }: Jax, x: JaxArray, { cos, sin }: JaxArrays): JaxArray {
  const first = x.ref.slice([], [], [], [0, C / 2]);
  const second = x.slice([], [], [], [C / 2, C]);
  const turned = first.ref.mul(cos!.ref).sub(second.ref.mul(sin!.ref));
  return np.concatenate([turned, second.mul(cos!.ref).add(first.mul(sin!.ref))], -1);
}
