import { assertRejects, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Decoder, ForwardOptions } from "../../core/decoder.ts";
import type { Graph, Tensor } from "../../core/graph/mod.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { checkDecoder } from "./check_decoder.ts";

const [D, V] = [16, 24];
const common = { hidden_size: D, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: V };
const minimind = (options: Record<string, unknown>) => createMiniMind(parseMiniMindOptions({ ...common, ...options }));
const decoders = {
  "generation 2": minimind({ generation: 2 }),
  "generation 2 with experts": minimind({ generation: 2, use_moe: true }),
  "generation 3": minimind({ generation: 3 }),
  "generation 3 with experts": minimind({ generation: 3, use_moe: true }),
  "generation 3 with an untied head": minimind({ generation: 3, tie_word_embeddings: false }),
};
const decoder = decoders["generation 3"];
const reference = createReferenceBackend();

for (const [name, decoder] of Object.entries(decoders)) {
  Deno.test(`checkDecoder() accepts MiniMind of ${name} on the reference and on wasm`, async () => {
    await checkDecoder(decoder, reference);
    await using wasm = await createWasmBackend({ threads: 1 });
    await checkDecoder(decoder, wasm);
  });
}

async function refused(decoder: Decoder, problem: string): Promise<void> {
  const { message } = await assertRejects(() => checkDecoder(decoder, reference), Error);
  assertStringIncludes(message, problem);
}

/** The decoder with something else done to its hidden states. */
const broken = (change: (graph: Graph, hidden: Tensor, options: ForwardOptions) => Tensor): Decoder => ({
  ...decoder,
  forward(graph, hidden, options = {}) {
    const output = decoder.forward(graph, hidden, options);
    return { ...output, hidden: change(graph, output.hidden, options) };
  },
});

/** Every token sees its whole sequence, and with `together` also the others of its batch. */
const attendAll = ({ together }: { together: boolean }) =>
  broken((graph, hidden) => {
    const [B, T] = hidden.shape as [number, number];
    const heads = graph.reshape(hidden, together ? [1, B * T, 1, D] : [B, T, 1, D]);
    return graph.reshape(graph.attention(heads, heads, heads, { causal: false }), [B, T, D]);
  });

Deno.test("checkDecoder() refuses a decoder whose tokens see later ones, or other sequences", async () => {
  await refused(attendAll({ together: false }), "on tokens before one that changed");
  await refused(attendAll({ together: true }), "on a sequence alone");
});

Deno.test("checkDecoder() refuses a decoder that takes packed rows for one sequence, and takes one that throws", async () => {
  const mixing: Decoder = {
    ...decoder,
    forward: (graph, hidden, options) => decoder.forward(graph, hidden, { ...options, packing: undefined }),
  };
  await refused(mixing, "on sequences packed into one row");
  const honest: Decoder = {
    ...decoder,
    forward(graph, hidden, options) {
      if (options?.packing !== undefined) throw new TypeError("Cannot run packed rows: this decoder knows none");
      return decoder.forward(graph, hidden, options);
    },
  };
  await checkDecoder(honest, reference);
});

Deno.test("checkDecoder() refuses a decoder whose tokens see nothing before them", async () => {
  const forward: Decoder["forward"] = (_graph, hidden) => ({ hidden, blocks: [] });
  await refused({ ...decoder, tied: [], forward }, "a token does not see the ones before it");
});

Deno.test("checkDecoder() refuses a decoder that does not use its KV cache, or not where it starts", async () => {
  const forgetful: Decoder = {
    ...decoder,
    forward: (graph, hidden, { keep } = {}) => decoder.forward(graph, hidden, { keep }),
  };
  await refused(forgetful, "with a KV cache at position 4");
  const fixed: Decoder = {
    ...decoder,
    forward(graph, hidden, options = {}) {
      const start = graph.state("own position", "i32", [hidden.shape[0]!]);
      const cache = options.cache && { ...options.cache, start };
      const output = decoder.forward(graph, hidden, { ...options, cache });
      if (cache !== undefined) graph.advance(start, hidden.shape[1]!);
      return output;
    },
  };
  await refused(fixed, 'it adds state "own position"');
});

Deno.test("checkDecoder() refuses a decoder that does not mask what is left out", async () => {
  const forward: Decoder["forward"] = (graph, hidden, { cache } = {}) => decoder.forward(graph, hidden, { cache });
  await refused({ ...decoder, forward }, "on tokens after one that is masked");
});

Deno.test("checkDecoder() refuses a decoder whose head is not what its logits are made with", async () => {
  const scaled: Decoder = {
    ...decoder,
    logits: (graph, hidden) => graph.scale(decoder.logits(graph, hidden), 2),
  };
  await refused(scaled, "compared with its head()");
  const turned: Decoder = { ...decoder, head: (graph) => graph.matrix("head", [D, V]) };
  await refused(turned, "head() is matrix [16,24], expected a matrix [24, 16]");
});

Deno.test("checkDecoder() refuses a description that cannot be", async () => {
  await refused({ ...decoder, name: "" }, "it has no name");
  await refused({ ...decoder, width: 17 }, "embed() is f32 [2, 6, 16], expected f32 [2, 6, 17]");
  await refused({ ...decoder, vocabulary: 25 }, "logits() is f32 [2, 6, 24], expected f32 [2, 6, 25]");
  await refused({ ...decoder, tied: [["nothing", "lm_head.weight"]] }, 'it ties "nothing"');
  await refused({ ...decoder, ignores: [/norm/] }, "and ignores /norm/");
  await refused(broken((graph, hidden) => graph.scale(hidden, NaN)), "logits() has NaN at index 0");
  await refused(broken((graph, hidden) => graph.slice(hidden, 0, 1)), "forward().hidden is f32 [2, 1, 16]");
});

Deno.test("checkDecoder() refuses a decoder that computes a loss nobody asked for", async () => {
  const experts = decoders["generation 3 with experts"];
  const eager: Decoder = {
    ...experts,
    forward: (graph, hidden, options = {}) => experts.forward(graph, hidden, { ...options, auxLoss: true }),
  };
  await refused(eager, "it computes auxLoss without being asked to");
});
