import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, WeightError } from "../../core/errors.ts";
import type { Plugin } from "../../core/plugin.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../data/safetensors_writer.ts";
import { formatLoad, type LoadedPart } from "../../data/load_summary.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { randomModelConfig, randomModelTokenizer, randomWeights } from "../../sdk/random_model.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";
import { TinyFolder } from "../e2e/tiny_model.ts";

/** Another encoder for the same joints: 16 features of width 64. */
const other: Plugin<"encoder", unknown> = {
  contract: 1,
  kind: "encoder",
  name: "other",
  summary: "patches through one matrix",
  parseOptions: (options) => options,
  create: () => ({
    name: "other",
    pixels: { size: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    output: { tokens: 16, width: 64 },
    ignores: [],
    encode: (graph, pixels) => graph.linear(graph.patches(pixels, 8), graph.matrix("other.weight", [64, 192])),
  }),
};

Deno.test("loadModel() tells what was loaded of each part, by the parts the model has and not by names", async () => {
  const loaded: LoadedPart[] = [];
  await using model = await loadModel({ model: "random", backend: "reference", encoder: { use: other } }, {
    onLoaded: (parts) => loaded.push(...parts),
  });
  assertEquals(model.parts.name, "random");
  assertEquals(loaded.map(({ part, loaded, from }) => [part, loaded.parameters, ...from]), [
    ["decoder", 115_328, "random numbers"],
    ["projector", 4160, "random numbers"],
    ["encoder", 64 * 192, "random numbers"],
  ]);
  assertEquals(formatLoad(loaded).slice(0, 42), "loaded 100 % of decoder from random number");
});

Deno.test("loadModel() of a folder leaves its encoder aside where the config names another one", async () => {
  await using folder = await TinyFolder.create();
  const own = { model: folder.model, backend: "reference" } as const;
  const missing = await assertRejects(() => loadModel({ ...own, encoder: { use: other } }), WeightError);
  assertEquals(missing.message, 'Cannot bind weights: 1 missing ("other.weight" [64, 192])');
  const loaded: LoadedPart[] = [];
  await using _ = await loadModel({ ...own, encoder: { use: other } }, {
    allowMissing: ["other.*"],
    onLoaded: (parts) => loaded.push(...parts),
  });
  assertEquals(loaded.map(({ part, loaded, total }) => [part, loaded.tensors, total.tensors]), [
    ["decoder", 24, 24],
    ["projector", 2, 2],
    ["encoder", 0, 1],
  ]);
  // Named without weights of its own, the kind of encoder that the folder has takes the folder's.
  const options = (randomModelConfig.encoder as { options: Record<string, unknown> }).options;
  await using same = await loadModel({ ...own, encoder: { use: "clip", options } });
  assertEquals(same.parts.model.encoder!.name, "clip");
});

Deno.test("loadModel() takes other weights for a folder's own, and says when there are none", async () => {
  await using folder = await TinyFolder.create();
  const { tensors } = readSafetensors(await Deno.readFile(`${folder.model}/model.safetensors`));
  const own = [...tensors].filter(([name]) => !name.startsWith("vision_encoder."));
  const changed = own.map(([name, tensor]) => [name, { shape: tensor.shape, values: tensor.toFloat32().fill(0.5) }]);
  const weights = `${folder.path}/other.safetensors`;
  await Deno.writeFile(weights, writeSafetensors(new Map(changed as [string, TensorToWrite][])));
  const loaded: LoadedPart[] = [];
  await using model = await loadModel({ model: folder.model, backend: "reference", weights }, {
    onLoaded: (parts) => loaded.push(...parts),
  });
  assertEquals(loaded.map(({ part, from }) => [part, ...from]), [
    ["decoder", "other.safetensors"],
    ["projector", "other.safetensors"],
    ["encoder", "tiny (encoder)"],
  ]);
  const { backend, weights: bound } = model.parts;
  assertEquals((await backend.read(bound.get("model.norm.weight")!))[0], 0.5);
  const error = await assertRejects(() => loadModel({ model: `${folder.path}/none.safetensors` }), ConfigError);
  assertEquals(error.message, `Cannot read "${folder.path}/none.safetensors": there is no such file`);
});

Deno.test("the random model's tokenizer has a token for every byte, and its weights depend on names alone", async () => {
  const tokenizer = await parseTokenizer(randomModelTokenizer());
  const text = "a 图\u{1F600}\0<|im_end|>";
  assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  assertEquals([tokenizer.vocabulary, tokenizer.encode("<|image_pad|>").length], [260, 1]);
  await using model = await loadModel({ model: "random", backend: "reference" });
  const [first, second] = [randomWeights(model.parts.model), randomWeights(model.parts.model)];
  assertEquals(first.size, 63);
  for (const [name, tensor] of first) {
    const values = tensor.toFloat32();
    assert(values.every(Number.isFinite));
    assertEquals([values.length, values[0]], [second.get(name)!.toFloat32().length, second.get(name)!.toFloat32()[0]]);
  }
  const rest = randomWeights(model.parts.model, [
    new Map([["embeddings.class_embedding", first.get("model.norm.weight")!]]),
  ]);
  assertEquals(rest.size, 62);
});
