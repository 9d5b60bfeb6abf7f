import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError, WeightError } from "../../core/errors.ts";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { exportModel, type ExportOptions, isCompanion, type ModelToExport } from "../../data/export.ts";
import { joinChunks } from "../../data/saved_tensor.ts";
import { knownModels, type ModelSizes, shapesOf } from "../../data/known_models.ts";
import { openModelFolder } from "../../data/model_folder.ts";
import { parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { numbered } from "./tiny_export.ts";

const experts = { routed: 3, shared: 0, intermediateSize: 12 };

const third: ModelSizes = {
  ...knownModels["minimind-3v"]!,
  hiddenSize: 16,
  numHiddenLayers: 2,
  headDim: 4,
  intermediateSize: 12,
  vocabSize: 20,
  projector: { kind: "mlp", featureWidth: 6 },
};

const second: ModelSizes = {
  ...knownModels["minimind2-v"]!,
  hiddenSize: 16,
  numHiddenLayers: 2,
  headDim: 2,
  intermediateSize: 12,
  vocabSize: 20,
  projector: { kind: "linear", featureWidth: 6 },
};

const models = {
  "generation 2": second,
  "generation 2, mixture": { ...second, experts: { ...experts, shared: 2 } },
  "generation 3": third,
  "generation 3, mixture": { ...third, experts },
  "language model": { ...third, projector: undefined },
};

function modelOf(sizes: ModelSizes, more: Partial<ModelToExport> = {}): ModelToExport {
  return { tensors: new Map([...shapesOf(sizes)].map(([name, shape]) => [name, numbered(shape)])), ...more };
}

/** The files of an export in memory. */
function written(model: ModelToExport, options: ExportOptions): Map<string, Uint8Array> {
  return new Map(exportModel(model, options).files.map(({ name, chunks }) => [name, joinChunks(chunks())]));
}

const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

function refused(model: ModelToExport, options: ExportOptions, message: string): void {
  assertStringIncludes(assertThrows(() => exportModel(model, options), WeightError).message, message);
}

Deno.test("exportModel() writes upstream's .pth with the tied head, and our reader gives back every number", async () => {
  const sizes = models["generation 3, mixture"];
  const model = modelOf(sizes);
  const { files, tensors, parameters } = exportModel(model, { format: "pth", weight: "pretrain_vlm" });
  assertEquals(files.map(({ name }) => name), ["pretrain_vlm_16_moe.pth"]);
  const [file] = files;
  const read = (await openCheckpoint([{ name: "a.pth", bytes: joinChunks(file!.chunks()) }])).tensors;
  assertEquals([...read.keys()], [...model.tensors.keys(), "lm_head.weight"]);
  assertEquals(tensors, read.size);
  assertEquals(parameters, [...model.tensors.values()].reduce((sum, each) => sum + each.toFloat32().length, 0));
  for (const [name, { toFloat32 }] of model.tensors) assertEquals(read.get(name)!.toFloat32(), toFloat32());
  assertEquals(read.get("lm_head.weight")!.dtype, "F16");
});

Deno.test("exportModel() writes the same bytes every time", () => {
  const options = { format: "pth" } as const;
  assertEquals(written(modelOf(third), options), written(modelOf(third), options));
});

Deno.test("exportModel() writes a folder that openModelFolder() and parseMiniMindOptions() read as the same model", async () => {
  for (const [name, sizes] of Object.entries(models)) {
    const model = modelOf(sizes, { config: { num_attention_heads: sizes.numAttentionHeads, rope_theta: 5000 } });
    const files = written(model, { format: "hf", precision: "bf16" });
    const folder = await openModelFolder({
      list: () => Promise.resolve([...files.keys()]),
      read: (name) => Promise.resolve(files.get(name)!),
    });
    assertEquals([...folder.checkpoint.tensors.keys()].sort(), [...model.tensors.keys()].sort(), name);
    const { moe, ...options } = parseMiniMindOptions(folder.config);
    assertEquals(options.generation, sizes.generation);
    assertEquals(options.rmsNormEps, sizes.generation === 2 ? 1e-5 : 1e-6);
    assertEquals(options.ropeTheta, 5000);
    for (const key of ["hiddenSize", "headDim", "numKeyValueHeads", "intermediateSize", "vocabSize"] as const) {
      assertEquals(options[key], sizes[key], `${name}: ${key}`);
    }
    assertEquals(moe?.numExperts, sizes.experts?.routed);
    assertEquals(moe?.numSharedExperts, sizes.experts?.shared);
    const config = folder.config as Record<string, unknown>;
    const vlm = sizes.projector !== undefined;
    assertEquals(config["model_type"], vlm ? "minimind-v" : "minimind");
    assertEquals(config["architectures"], [vlm ? "MiniMindVLM" : "MiniMindForCausalLM"]);
    assertEquals(config["torch_dtype"], "bfloat16");
    assert(!("generation" in config));
    assertEquals(folder.generationConfig, { bos_token_id: 1, eos_token_id: 2 });
  }
});

Deno.test("exportModel() says in config.json how images stand in the text", () => {
  const configOf = (sizes: ModelSizes, imageTokens?: number, config: Record<string, unknown> = {}) => {
    return JSON.parse(textOf(written(modelOf(sizes, { config }), { format: "hf", imageTokens }).get("config.json")));
  };
  assertEquals(configOf(second)["image_special_token"], "@".repeat(196));
  assertEquals(configOf(second, 3)["image_ids"], [34, 34, 34]);
  assertEquals(configOf(second, undefined, { image_ids: [7, 7] })["image_special_token"], "@@");
  const { image_ids, image_token_len, image_hidden_size } = configOf(third, undefined, { image_ids: [9] });
  assertEquals([image_ids, image_token_len, image_hidden_size], [[9], 64, 6]);
  assertEquals(configOf(third, 256)["image_token_len"], 256);
});

Deno.test("exportModel() takes along tokenizer and templates, and a given generation_config.json", () => {
  const files = new Map([["tokenizer.json", "{}"], ["generation_config.json", '{"top_p":0.5}'], ["config.json", "no"]]);
  const bytes = new Map([...files].map(([name, text]) => [name, new TextEncoder().encode(text)]));
  const out = written(modelOf(third, { files: bytes }), { format: "hf" });
  assertEquals([...out.keys()], ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"]);
  assertEquals(textOf(out.get("generation_config.json")), '{"top_p":0.5}');
  assertStringIncludes(textOf(out.get("config.json")), '"hidden_size": 16');
  const names = ["tokenizer.json", "tokenizer_config.json", "tokenizer.model", "chat_template.jinja", "model_vlm.py"];
  assertEquals(names.filter(isCompanion), names);
  assertEquals(["config.json", "model.safetensors", "pytorch_model.bin", "README.md"].filter(isCompanion), []);
});

Deno.test("exportModel() drops the encoder unless it is asked for, and refuses to keep one that is not there", () => {
  const { tensors } = modelOf(third);
  const whole = { tensors: new Map([...tensors, ["vision_encoder.embeddings.patch_embedding.bias", numbered([4])]]) };
  assertEquals(exportModel(whole, { format: "safetensors" }).tensors, tensors.size);
  assertEquals(exportModel(whole, { format: "safetensors", withEncoder: true }).tensors, tensors.size + 1);
  refused({ tensors }, { format: "pth", withEncoder: true }, "the model has no encoder's tensors");
});

Deno.test("exportModel() keeps an untied head, and refuses one that differs from the embedding it is tied to", async () => {
  const { tensors } = modelOf(third);
  const other = { ...numbered([20, 16]), toFloat32: () => new Float32Array(320).fill(2) };
  const untied = { tensors: new Map([...tensors, ["lm_head.weight", other]]) };
  const config = { tie_word_embeddings: false };
  const files = written({ ...untied, config }, { format: "hf" });
  const read = (await openCheckpoint([{ name: "a", bytes: files.get("model.safetensors")! }])).tensors;
  assertEquals(read.get("lm_head.weight")!.toFloat32(), other.toFloat32());
  refused(untied, { format: "pth" }, '"lm_head.weight": it differs from "model.embed_tokens.weight"');
  const equal = { tensors: new Map([...tensors, ["lm_head.weight", numbered([20, 16])]]) };
  assertEquals(exportModel(equal, { format: "hf" }).tensors, tensors.size);
});

Deno.test("exportModel() drops buffers that are computed anyway, and refuses tensors of no model", () => {
  const { tensors } = modelOf(third);
  const old = { tensors: new Map([...tensors, ["model.freqs_cos", numbered([4, 4])]]) };
  assertEquals(exportModel(old, { format: "safetensors" }).tensors, tensors.size);
  refused({ tensors: new Map([["w", numbered([2])]]) }, { format: "pth" }, "Cannot infer the model");
  assertThrows(() => exportModel({ tensors }, { format: "pth", weight: "../a" }), ConfigError, "Cannot export");
});
