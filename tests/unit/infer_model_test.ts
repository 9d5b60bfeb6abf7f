import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { inferEncoder } from "../../data/infer_encoder.ts";
import { inferModel, type InferOptions } from "../../data/infer_model.ts";
import { knownModels, type ModelSizes, shapesOf } from "../../data/known_models.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { clipBasePatch16, createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createSiglip, parseSiglipOptions, siglipBasePatch16, siglipBasePatch32 } from "../../encoders/siglip.ts";
import { createTiny, parseTinyOptions } from "../../encoders/tiny.ts";
import { Graph } from "../../core/graph/graph.ts";

const goldens = new URL("../fixtures/goldens/", import.meta.url);

const shaped = (shapes: ReadonlyMap<string, readonly number[]>) =>
  new Map([...shapes].map(([name, shape]) => [name, { shape }]));

const small: ModelSizes = {
  generation: 3,
  hiddenSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 6,
  numKeyValueHeads: 2,
  headDim: 16,
  intermediateSize: 64,
  vocabSize: 100,
  experts: undefined,
  projector: { kind: "mlp", featureWidth: 20 },
};

/** The tensors of a vision encoder, as its own graph names them. */
function encoderShapes(encoder: ReturnType<typeof createClip | typeof createSiglip | typeof createTiny>) {
  const graph = new Graph();
  const { size } = encoder.pixels;
  encoder.encode(graph, graph.input("pixels", "f32", [1, 3, size, size]));
  const parameters = [...graph.named.values()].filter(({ role }) => role === "parameter");
  return new Map(parameters.map(({ name, shape }) => [name, { shape }]));
}

const refused = (tensors: ReadonlyMap<string, readonly number[]>, message: string, options: InferOptions = {}) =>
  assertStringIncludes(assertThrows(() => inferModel(shaped(tensors), options), WeightError).message, message);

const changed = (change: (shapes: Map<string, readonly number[]>) => void, sizes = small) => {
  const shapes = shapesOf(sizes);
  change(shapes);
  return shapes;
};

Deno.test("inferModel() gives back the sizes that made the tensors, of either generation, dense and with experts", () => {
  const second: ModelSizes = {
    ...small,
    generation: 2,
    numAttentionHeads: 8,
    headDim: 6,
    numKeyValueHeads: 4,
    projector: { kind: "linear", featureWidth: 20 },
  };
  const all: ModelSizes[] = [small, second, { ...small, projector: undefined }, ...Object.values(knownModels)];
  all.push({ ...small, experts: { routed: 3, shared: 0, intermediateSize: 64 } });
  all.push({ ...second, experts: { routed: 2, shared: 2, intermediateSize: 64 } });
  for (const sizes of all) {
    assertEquals(inferModel(shaped(shapesOf(sizes))).sizes, { ...sizes, experts: sizes.experts });
  }
});

Deno.test("inferModel() makes a config that the decoder takes, beside what the given one says", () => {
  const shapes = shapesOf({ ...small, experts: { routed: 3, shared: 0, intermediateSize: 64 } });
  const config = { rope_theta: 5e5, num_experts_per_tok: 2, hidden_size: 48, intermediate_size: 999, vocab_size: null };
  const options = parseMiniMindOptions(inferModel(shaped(shapes), { config }).config);
  assertEquals([options.generation, options.hiddenSize, options.headDim, options.numKeyValueHeads], [3, 48, 16, 2]);
  assertEquals([options.ropeTheta, options.vocabSize, options.numHiddenLayers], [5e5, 100, 2]);
  const { numExperts, numExpertsPerTok, numSharedExperts, intermediateSize } = options.moe!;
  assertEquals([numExperts, numExpertsPerTok, numSharedExperts, intermediateSize], [3, 2, 0, 64]);
});

Deno.test("inferModel() takes the number of heads from the config in generation 2, older keys included", () => {
  const sizes = knownModels["minimind2-small-v"]!;
  const infer = (config: unknown) => inferModel(shaped(shapesOf(sizes)), { config });
  assertEquals(infer({}).sizes.numAttentionHeads, 8);
  const { numAttentionHeads, numKeyValueHeads, headDim } = infer({ n_heads: 4, dim: 512, n_layers: 8 }).sizes;
  assertEquals([numAttentionHeads, numKeyValueHeads, headDim], [4, 1, 128]);
});

Deno.test("inferModel() leaves out the tied head and saved buffers, and recognises released models", () => {
  const shapes = shapesOf(knownModels["minimind-3v"]!);
  shapes.set("lm_head.weight", [6400, 768]).set("model.freqs_cos", [32768, 48]).set("model.layers.0.self_attn.mask", [
    1,
  ]);
  assertEquals(inferModel(shaped(shapes)).known, "minimind-3v");
  assertEquals(inferModel(shaped(shapesOf(small))).known, undefined);
});

Deno.test("inferModel() reads the sizes of every golden model off its weights", () => {
  for (const name of ["v2-dense", "v2-moe", "v3-dense", "v3-moe"]) {
    const { tensors } = readSafetensors(Deno.readFileSync(new URL(`${name}/weights.safetensors`, goldens)));
    const { config } = JSON.parse(Deno.readTextFileSync(new URL(`${name}/case.json`, goldens)));
    const inferred = inferModel(tensors, { config });
    assertEquals(inferred.sizes.generation, Number(name[1]));
    assertEquals(
      parseMiniMindOptions(inferred.config),
      parseMiniMindOptions({ ...config, generation: Number(name[1]) }),
    );
  }
});

Deno.test("inferModel() names what contradicts what, and the nearest released model", () => {
  const nearest = "; the nearest known model is ";
  refused(new Map([["transformer.wte.weight", [50257, 768]]]), `it has no "model.embed_tokens.weight"`);
  refused(new Map([["transformer.wte.weight", [50257, 768]]]), "it has no tensor in common with any known model");
  refused(changed((shapes) => shapes.delete("model.layers.1.self_attn.q_proj.weight")), nearest);
  refused(
    changed((shapes) => shapes.delete("model.layers.1.self_attn.q_proj.weight")),
    `Cannot infer the model: "model.layers.1.self_attn.q_proj.weight" [96, 48] is missing`,
  );
  refused(
    changed((shapes) => shapes.set("model.layers.1.mlp.up_proj.weight", [65, 48])),
    `"model.layers.1.mlp.up_proj.weight" [65, 48] should be [64, 48]`,
  );
  refused(changed((shapes) => shapes.set("lora.a", [8, 48])), `"lora.a" [8, 48] should not be there`);
  refused(
    changed((shapes) => shapes.set("model.layers.7.x.weight", [1])),
    `there is no "model.layers.2", but a later one`,
  );
  refused(
    changed((shapes) => shapes.set("model.layers.0.self_attn.q_norm.weight", [17])),
    "do not make heads of width 17",
  );
  refused(changed((shapes) => shapes.set("lm_head.weight", [100, 47])), "not of the embedding's shape");
  refused(changed((shapes) => shapes.set("model.embed_tokens.weight", [100])), "has 1 dimensions instead of 2");
  refused(shapesOf(small), "config.json says hidden_size is 64, its tensors say 48", { config: { hidden_size: 64 } });
  refused(shapesOf(small), "config.json says n_layers is 3, its tensors say 2", { config: { n_layers: 3 } });
  refused(shapesOf(small), "config.json says use_moe is true", { config: { use_moe: true } });
  refused(shapesOf(small), "the config says that it is not tied", { config: { tie_word_embeddings: false } });
  refused(shapesOf(small), "config.json is not an object", { config: [] });
});

Deno.test("inferEncoder() tells CLIP from SigLIP and reads their sizes, with and without the prefix", () => {
  const clip = inferEncoder(encoderShapes(createClip(clipBasePatch16)));
  assertEquals([clip.kind, parseClipOptions(clip.config)], ["clip", clipBasePatch16]);
  for (const options of [siglipBasePatch32, siglipBasePatch16]) {
    const shapes = encoderShapes(createSiglip(options));
    const bare = new Map([...shapes].map(([name, tensor]) => [name.replace("vision_model.", ""), tensor]));
    for (const tensors of [shapes, bare]) {
      const siglip = inferEncoder(tensors);
      assertEquals([siglip.kind, parseSiglipOptions(siglip.config)], ["siglip", options]);
    }
  }
});

Deno.test("inferEncoder() knows a tiny encoder by its stem, and needs a config for the strides", () => {
  const options = { stem_widths: [8, 16], stem_strides: [2, 3], stem_depths: [1, 0], hidden_size: 16, image_size: 24 };
  const config = { ...options, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 32 };
  const tiny = parseTinyOptions(config);
  const tensors = encoderShapes(createTiny(tiny));
  const inferred = inferEncoder(tensors, { vision_config: config });
  assertEquals([inferred.kind, parseTinyOptions(inferred.config)], ["tiny", tiny]);
  assertThrows(() => inferEncoder(tensors), WeightError, "its config does not say the strides of its stem");
});

Deno.test("inferEncoder() needs a config for unusual heads and refuses one that contradicts the tensors", () => {
  const options = { ...siglipBasePatch32, imageSize: 64, hiddenSize: 24, numAttentionHeads: 3, numHiddenLayers: 1 };
  const tensors = encoderShapes(createSiglip(options));
  assertThrows(() => inferEncoder(tensors), WeightError, "a width of 24 is not a multiple of 64");
  const config = { vision_config: { num_attention_heads: 3, layer_norm_eps: 1e-6 } };
  assertEquals(parseSiglipOptions(inferEncoder(tensors, config).config), options);
  const wrong = { vision_config: { num_attention_heads: 3, image_size: 224 } };
  assertThrows(
    () => inferEncoder(tensors, wrong),
    WeightError,
    "its config says image_size is 224, its tensors say 64",
  );
  assertThrows(
    () => inferEncoder(new Map()),
    WeightError,
    `it has no "vision_model.embeddings.patch_embedding.weight"`,
  );
});

Deno.test("inferModel() finds the vision encoder inside a checkpoint of the whole model", () => {
  const encoder = encoderShapes(createSiglip(siglipBasePatch32));
  for (const front of ["vision_encoder.", "model.vision_encoder."]) {
    const tensors = shaped(shapesOf(knownModels["minimind-3v"]!));
    for (const [name, tensor] of encoder) tensors.set(front + name, tensor);
    const inferred = inferModel(tensors);
    assertEquals([inferred.known, inferred.encoder?.kind], ["minimind-3v", "siglip"]);
  }
});
