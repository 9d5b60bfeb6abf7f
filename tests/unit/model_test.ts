import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { Graph } from "../../core/graph/mod.ts";
import { createModel, embedPrompt, encodeImages, forward, loss, type VisionLanguageModel } from "../../core/model.ts";
import { spliceIndex } from "../../core/placeholders.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createSiglip, siglipBasePatch32 } from "../../encoders/siglip.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { largestDifference, SeededRun, seededValues } from "./seeded_run.ts";

const [B, T, D, V] = [2, 9, 16, 40];
const encoder = createSiglip({
  ...siglipBasePatch32,
  imageSize: 8,
  patchSize: 4,
  hiddenSize: 12,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 20,
});
const decoder = createMiniMind(
  parseMiniMindOptions({
    generation: 3,
    hidden_size: D,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: V,
    use_moe: true,
    router_aux_loss_coef: 0.1,
  }),
);
const parts: VisionLanguageModel = {
  encoder,
  projector: createMlpProjector({ input: encoder.output, width: D }),
  decoder,
  placeholder: { marker: 12, tokens: 4, match: "run" },
};
const model = createModel(parts);

const ids = Int32Array.from([1, 12, 12, 12, 12, 5, 6, 7, 8, 9, 3, 12, 12, 12, 12, 4, 2, 1]);
const index = Int32Array.from([
  ...spliceIndex(ids.subarray(0, T), model.placeholder, { images: 1 }),
  ...spliceIndex(ids.subarray(T), model.placeholder, { images: 1, firstRow: 4 }),
]);
const targets = Int32Array.from({ length: B * T }, (_, i) => i % 3 === 0 ? -100 : (i * 7) % V);
const pixels = seededValues("pixels", B * 3 * 8 * 8);

/** Pixels and ids to embeddings. */
function promptGraph(): { graph: Graph; hidden: ReturnType<typeof embedPrompt> } {
  const graph = new Graph();
  const embeddings = encodeImages(graph, model, graph.input("pixels", "f32", [B, 3, 8, 8]));
  graph.output("embeddings", embeddings);
  const images = { embeddings, index: graph.input("index", "i32", [B, T]) };
  const hidden = embedPrompt(graph, model, { ids: graph.input("ids", "i32", [B, T]), images });
  graph.output("hidden", hidden);
  return { graph, hidden };
}

const inputs = { ids, index, pixels };

Deno.test("embedPrompt() puts an image's embeddings in the place of its markers", async () => {
  const { graph } = promptGraph();
  const { hidden, embeddings } = await new SeededRun().once(graph, inputs);
  const text = new Graph();
  text.output("hidden", embedPrompt(text, model, { ids: text.input("ids", "i32", [B, T]) }));
  const plain = await new SeededRun().once(text, { ids });
  index.forEach((row, t) => {
    const expected = row < 0 ? plain.hidden!.slice(t * D, (t + 1) * D) : embeddings!.slice(row * D, (row + 1) * D);
    assertEquals(hidden!.slice(t * D, (t + 1) * D), expected);
  });
  assertEquals(index.filter((row) => row >= 0), Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7]));
});

Deno.test("forward() gives the logits of one token a row as among those of all", async () => {
  const { graph, hidden } = promptGraph();
  graph.output("all", forward(graph, model, { hidden }).logits);
  graph.output("one", forward(graph, model, { hidden, row: graph.input("row", "i32", [B]) }).logits);
  const { all, one } = await new SeededRun().once(graph, { ...inputs, row: Int32Array.from([8, 3]) });
  assertEquals(one!.slice(0, V), all!.slice(8 * V, 9 * V));
  assertEquals(one!.slice(V), all!.slice((T + 3) * V, (T + 4) * V));
});

Deno.test("loss() is the mean cross-entropy of the logits plus the routers' losses within 1e-5", async () => {
  const { graph, hidden } = promptGraph();
  graph.output("logits", forward(graph, model, { hidden }).logits);
  const result = loss(graph, model, { hidden, targets: graph.input("targets", "i32", [B, T]) });
  graph.output("total", result.total);
  graph.output("crossEntropy", result.crossEntropy);
  graph.output("auxLoss", result.auxLoss!);
  const { logits, total, crossEntropy, auxLoss } = await new SeededRun().once(graph, { ...inputs, targets });
  let sum = 0;
  let count = 0;
  targets.forEach((target, t) => {
    if (target < 0) return;
    const row = [...logits!.slice(t * V, (t + 1) * V)];
    sum += Math.log(row.reduce((total, value) => total + Math.exp(value), 0)) - row[target]!;
    count++;
  });
  assertEquals(count, 12);
  const difference = largestDifference(crossEntropy!, [sum / count]);
  assert(difference <= 1e-5, `off by ${difference}`);
  assert(auxLoss![0]! > 0.01);
  assertEquals(total![0], Math.fround(crossEntropy![0]! + auxLoss![0]!));
});

Deno.test("loss() leaves the routers' losses out when told to", () => {
  const { graph, hidden } = promptGraph();
  const result = loss(graph, model, { hidden, targets: graph.input("targets", "i32", [B, T]), auxLoss: false });
  assertEquals(result.auxLoss, undefined);
  assertEquals(result.total, result.crossEntropy);
});

Deno.test("createModel() names the neighbours that do not fit", () => {
  const refused = (changes: Partial<VisionLanguageModel>) =>
    assertThrows(() => createModel({ ...parts, ...changes }), ConfigError).message;
  assertEquals(
    refused({ projector: createMlpProjector({ input: { tokens: 196, width: 768 }, width: D }) }),
    `Cannot join encoder "siglip" and projector: 4 features of width 12, expected 196 features of width 768`,
  );
  assertEquals(
    refused({ projector: createMlpProjector({ input: encoder.output, width: 32 }) }),
    `Cannot join projector and decoder "minimind-3-moe": width 32, expected 16`,
  );
  assertEquals(
    refused({ placeholder: { marker: 12, tokens: 64, match: "run" } }),
    `Cannot join projector and placeholder: 4 embeddings for 64 markers`,
  );
  assertEquals(
    refused({ placeholder: { marker: 40, tokens: 4, match: "run" } }),
    `Cannot join placeholder and decoder "minimind-3-moe": marker 40 of 40 ids`,
  );
});

Deno.test("encodeImages() needs an encoder", () => {
  const graph = new Graph();
  const features = createModel({ ...parts, encoder: undefined });
  const input = graph.input("pixels", "f32", [1, 3, 8, 8]);
  assertEquals(
    assertThrows(() => encodeImages(graph, features, input), ConfigError).message,
    "Cannot encode images: the model has no encoder",
  );
});
