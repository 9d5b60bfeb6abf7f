import { assertEquals, assertLessOrEqual } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { createGenerator } from "../../core/generate.ts";
import { createModel } from "../../core/model.ts";
import { bindWeights } from "../../core/weights.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { forward } from "../../core/model.ts";
import { createMiniMind } from "../../decoders/minimind/mod.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { readLlama2c } from "./llama2c.ts";

const folder = new URL("../../../shared/data/tiny-llm-stories260K/", import.meta.url);
const absent = await Deno.stat(folder).then(() => false, () => true);
if (absent) console.log("stories260K is not beside the project: its tests are left out");

interface Golden {
  readonly prompt_ids: readonly number[];
  readonly greedy_ids: readonly number[];
  readonly logits_pos0_first8: readonly number[];
}

/** Greedy ids of the real model on a backend, and the first logits of the first step. */
async function tellStory(backend: Backend, count: number): Promise<{ golden: Golden; ids: number[]; first: number[] }> {
  const golden: Golden = JSON.parse(await Deno.readTextFile(new URL("golden_greedy.json", folder)));
  const { options, tensors } = readLlama2c(await Deno.readFile(new URL("stories260K.bin", folder)));
  const decoder = createMiniMind(options);
  const projector = createLinearProjector({ input: { tokens: 1, width: 1 }, width: decoder.width });
  const model = createModel({ projector, decoder, placeholder: { marker: 0, tokens: 1, match: "exact" } });
  const graph = new Graph();
  const hidden = decoder.embed(graph, graph.input("ids", "i32", [1, 1]));
  graph.output("logits", forward(graph, model, { hidden }).logits);
  const weights = bindWeights(backend, [planGraph(graph)], { sources: [tensors] });
  using generator = createGenerator(backend, model, { weights, context: 512 });
  const ids: number[] = [];
  const first: number[] = [];
  for await (const id of generator.generate({ ids: golden.prompt_ids, maxNewTokens: count })) {
    if (ids.length === 0) first.push(...(await generator.read("logits")).subarray(0, 8));
    ids.push(id);
  }
  return { golden, ids, first };
}

async function check(backend: Backend, count?: number): Promise<void> {
  const { golden, ids, first } = await tellStory(backend, count ?? 256);
  assertEquals(ids, golden.greedy_ids.slice(0, count));
  golden.logits_pos0_first8.forEach((logit, i) => assertLessOrEqual(Math.abs(logit - first[i]!), 1e-4));
}

Deno.test({
  name: "generate() tells the first 32 ids of stories260K's golden story on reference, logits within 1e-4",
  ignore: absent,
  fn: async () => {
    await using backend = createReferenceBackend();
    await check(backend, 32);
  },
});

for (const threads of [1, 2]) {
  Deno.test({
    name:
      `generate() tells all 256 ids of stories260K's golden story on wasm with ${threads} threads, logits within 1e-4`,
    ignore: absent,
    fn: async () => {
      await using backend = await createWasmBackend({ threads });
      await check(backend);
    },
  });
}
