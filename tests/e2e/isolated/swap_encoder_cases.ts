import { assertEquals, assertNotEquals } from "@std/assert";
import { isGraphEncoder, type ModelConfig, parseConfig, partOf } from "../../../mod.ts";
import { bindModel, createGenerator, planParameters, spliceIndex } from "../../../engine.ts";
import { ImageEncoder } from "../../../core/image_encoder.ts";
import { clipBasePatch16, createClip } from "../../../encoders/clip.ts";
import { Graph } from "../../../core/graph/mod.ts";
import { clipModel } from "../../../bench/onnx_model.ts";
import { buildModel, createRegistry } from "../../../plugins/mod.ts";
import example from "../../../examples/custom_encoder/minimind.json" with { type: "json" };
import { largestDifference, seededValues, seededWeight } from "../../unit/seeded_run.ts";

const base = new URL("../../../examples/custom_encoder/minimind.json", import.meta.url);
const { pixels: { mean, std } } = createClip(clipBasePatch16);

/** CLIP's sizes as a config names them, four features of width 24 like the example's. */
const clipOptions = {
  image_size: 32,
  patch_size: 16,
  hidden_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 48,
};

/** Three configs that differ in what they say of the encoder, and in nothing else. */
const configs: Readonly<Record<string, ModelConfig>> = {
  "my_encoder": parseConfig(example),
  "clip": parseConfig({ ...example, encoder: { use: "clip", options: clipOptions } }),
  "onnx": parseConfig({
    ...example,
    encoder: { use: "onnx", options: { file: "clip.onnx", image_mean: mean, image_std: std } },
  }),
};

/** The same CLIP with the same weights as an ONNX file. */
function exportClip(): Uint8Array<ArrayBuffer> {
  const sizes = { imageSize: 32, patchSize: 16, hiddenSize: 24, numHiddenLayers: 2, numAttentionHeads: 3 };
  const options = { ...clipBasePatch16, ...sizes, intermediateSize: 48 };
  const graph = new Graph();
  createClip(options).encode(graph, graph.input("pixels", "f32", [1, 3, 32, 32]));
  return new Uint8Array(clipModel((name) => seededWeight(graph.named.get(name)!), options));
}

/** Builds what a config says, gives it weights drawn by their names, and lets it answer about one image. */
async function answer(config: ModelConfig) {
  const registry = createRegistry();
  const read: string[] = [];
  const context = {
    readFile: (path: string) => (read.push(path), Promise.resolve(exportClip())),
    notice: () => {},
  };
  const tokenId = (token: string) => token === "<|image_pad|>" ? 12 : undefined;
  const { model, plugins } = await buildModel(config, { registry, base, context, tokenId });
  const { use, options } = partOf(config.backend!);
  const maker = await registry.resolve("backend", use, { base });
  await using backend = await maker.create(maker.parseOptions(options ?? {}), context);
  const parameters = [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter");
  const source = new Map(parameters.map((tensor) => {
    return [tensor.name, { shape: tensor.shape, toFloat32: () => seededWeight(tensor) }];
  }));
  const weights = bindModel(backend, model, { sources: [source] });
  const ids = Int32Array.from([1, 12, 12, 12, 12, 7, 8]);
  using images = new ImageEncoder(backend, model, { weights });
  const image = await images.encode(seededValues("photo", 3 * 32 * 32));
  using generator = createGenerator(backend, model, { weights, context: 32 });
  const drawn: number[] = [];
  const index = spliceIndex(ids, model.placeholder, { images: 1 });
  for await (const id of generator.generate({ ids, images: [image], index, maxNewTokens: 8 })) drawn.push(id);
  const { encoder } = model;
  if (encoder !== undefined && !isGraphEncoder(encoder)) await encoder[Symbol.asyncDispose]();
  return {
    encoder: plugins.encoder.name,
    shared: [plugins.projector, plugins.decoder],
    names: parameters.map(({ name }) => name).filter((name) => !/^(my_encoder|vision_model)\./.test(name)),
    read,
    image,
    drawn,
  };
}

Deno.test("the example's encoder, CLIP and an ONNX file are exchanged by config alone", async () => {
  const [mine, clip, onnx] = [
    await answer(configs["my_encoder"]!),
    await answer(configs["clip"]!),
    await answer(configs["onnx"]!),
  ];
  assertEquals([mine.encoder, clip.encoder, onnx.encoder], ["my_encoder", "clip", "onnx"]);
  assertEquals([mine.read, clip.read, onnx.read], [[], [], ["clip.onnx"]]);
  for (const other of [clip, onnx]) {
    assertEquals(other.shared, mine.shared);
    assertEquals(other.names, mine.names);
  }
  assertEquals([mine, clip, onnx].map(({ drawn }) => drawn.length), [8, 8, 8]);
  assertNotEquals(mine.image, clip.image);
  assertEquals(largestDifference(onnx.image, clip.image) <= 1e-4, true);
  assertEquals(onnx.drawn, clip.drawn);
});
