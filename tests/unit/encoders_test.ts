import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { elementCount, Graph, planGraph, type Tensor } from "../../core/graph/mod.ts";
import { clipBasePatch16, type ClipOptions, createClip, parseClipOptions } from "../../encoders/clip.ts";
import {
  createSiglip,
  parseSiglipOptions,
  siglipBasePatch16,
  siglipBasePatch32,
  type SiglipOptions,
} from "../../encoders/siglip.ts";
import { largestDifference, SeededRun, seededValues, seededWeight } from "./seeded_run.ts";

const D = 12;
const size = {
  imageSize: 8,
  patchSize: 4,
  hiddenSize: D,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  intermediateSize: 16,
};
const clip: ClipOptions = { ...clipBasePatch16, ...size, projectionDim: 5 };
const siglip: SiglipOptions = { ...siglipBasePatch32, ...size };
const pixels = seededValues("pixels", 2 * 3 * 8 * 8);

/** Weights whose blocks add nothing, so that what enters them leaves them. */
const withoutBlocks = (tensor: Tensor) =>
  /self_attn\.out_proj|mlp\.fc2/.test(tensor.name)
    ? new Float32Array(elementCount(tensor.shape))
    : seededWeight(tensor);

const weight = (name: string, shape: number[], layout: "rows" | "matrix" = "rows") =>
  seededWeight({ name: `vision_model.${name}`, shape, layout });

/** Patch (x, y) of image b through the patch embedding. */
function patchRow(b: number, [x, y]: readonly [number, number]): number[] {
  const kernel = weight("embeddings.patch_embedding.weight", [D, 3, 4, 4], "matrix");
  return Array.from({ length: D }, (_, d) => {
    let sum = 0;
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < 4; i++) {
        for (let j = 0; j < 4; j++) {
          sum += kernel[((d * 3 + c) * 4 + i) * 4 + j]! * pixels[((b * 3 + c) * 8 + y * 4 + i) * 8 + x * 4 + j]!;
        }
      }
    }
    return sum;
  });
}

function layerNorm(row: readonly number[], name: string, eps: number): number[] {
  const [scale, shift] = [weight(`${name}.weight`, [D]), weight(`${name}.bias`, [D])];
  const mean = row.reduce((sum, value) => sum + value, 0) / D;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / D;
  return row.map((value, i) => (value - mean) / Math.sqrt(variance + eps) * scale[i]! + shift[i]!);
}

/** The four patches of both images, row by row, each passed through `finish` with its number. */
function allPatches(finish: (row: number[], n: number) => number[]): number[] {
  return [0, 1].flatMap((b) => [0, 1, 2, 3].flatMap((n) => finish(patchRow(b, [n % 2, n >> 1]), n)));
}

function near(a: ArrayLike<number>, b: ArrayLike<number>): void {
  const difference = largestDifference(a, b);
  assert(difference <= 1e-5, `off by ${difference}`);
}

Deno.test("createClip() embeds patches, adds positions, norms and drops the class token within 1e-5", async () => {
  const graph = new Graph();
  graph.output("y", createClip(clip).encode(graph, graph.input("pixels", "f32", [2, 3, 8, 8])));
  const { y } = await new SeededRun(withoutBlocks).once(graph, { pixels });
  const positions = weight("embeddings.position_embedding.weight", [5, D]);
  const expected = allPatches((row, n) =>
    layerNorm(row.map((value, i) => value + positions[(n + 1) * D + i]!), "pre_layrnorm", 1e-5)
  );
  near(y!, expected);
});

Deno.test("createClip() projects the normed class token for classEmbedding() within 1e-5", async () => {
  const graph = new Graph();
  graph.output("y", createClip(clip).classEmbedding(graph, graph.input("pixels", "f32", [2, 3, 8, 8])));
  const { y } = await new SeededRun(withoutBlocks).once(graph, { pixels });
  const token = weight("embeddings.class_embedding", [D]);
  const positions = weight("embeddings.position_embedding.weight", [5, D]);
  const normed = layerNorm([...token].map((value, i) => value + positions[i]!), "pre_layrnorm", 1e-5);
  const row = layerNorm(normed, "post_layernorm", 1e-5);
  const projection = seededWeight({ name: "visual_projection.weight", shape: [5, D], layout: "matrix" });
  const one = [0, 1, 2, 3, 4].map((o) => row.reduce((sum, value, i) => sum + value * projection[o * D + i]!, 0));
  near(y!, [...one, ...one]);
});

Deno.test("createSiglip() embeds patches with a bias, adds positions and norms last within 1e-5", async () => {
  const graph = new Graph();
  graph.output("y", createSiglip(siglip).encode(graph, graph.input("pixels", "f32", [2, 3, 8, 8])));
  const { y } = await new SeededRun(withoutBlocks).once(graph, { pixels });
  const bias = weight("embeddings.patch_embedding.bias", [D]);
  const positions = weight("embeddings.position_embedding.weight", [4, D]);
  const expected = allPatches((row, n) =>
    layerNorm(row.map((value, i) => value + bias[i]! + positions[n * D + i]!), "post_layernorm", 1e-6)
  );
  near(y!, expected);
});

for (const [name, encoder] of Object.entries({ clip: createClip(clip), siglip: createSiglip(siglip) })) {
  Deno.test(`${name} encoder's blocks let every patch see every other, but no other image`, async () => {
    const graph = new Graph();
    graph.output("y", encoder.encode(graph, graph.input("pixels", "f32", [2, 3, 8, 8])));
    const run = new SeededRun();
    const before = (await run.once(graph, { pixels })).y!;
    const after = (await run.once(graph, { pixels: pixels.with(191, 3) })).y!; // in the last patch of the first image
    for (let n = 0; n < 4; n++) {
      assert(largestDifference(before.slice(n * D, (n + 1) * D), after.slice(n * D, (n + 1) * D)) > 1e-4, `patch ${n}`);
    }
    assertEquals(before.slice(4 * D), after.slice(4 * D));
  });

  Deno.test(`${name} encoder traces what enters the blocks and what each gives`, () => {
    const graph = new Graph();
    const traced: [string, readonly number[]][] = [];
    const trace = (step: string, tensor: Tensor) => traced.push([step, tensor.shape]);
    encoder.encode(graph, graph.input("pixels", "f32", [2, 3, 8, 8]), { trace });
    const [first, rows] = name === "clip" ? ["pre_layrnorm", 5] : ["embeddings", 4];
    assertEquals(
      traced,
      [[first, [2, rows, D]], ["layer.0", [2, rows, D]], ["layer.1", [2, rows, D]]] as typeof traced,
    );
  });
}

Deno.test("createClip() and createSiglip() use the flavour of GELU and the sizes of their presets", () => {
  const kinds = (graph: Graph) => graph.calls.flatMap((call) => call.kernel === "gelu" ? [call.attributes.kind] : []);
  const parameters = (graph: Graph) =>
    [...planGraph(graph).storages.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const graphs = [createClip(clipBasePatch16), createSiglip(siglipBasePatch32), createSiglip(siglipBasePatch16)].map(
    (encoder) => {
      const graph = new Graph();
      const { size } = encoder.pixels;
      const features = encoder.encode(graph, graph.input("pixels", "f32", [1, 3, size, size]));
      assertEquals(features.shape, [1, encoder.output.tokens, encoder.output.width]);
      return graph;
    },
  );
  assertEquals(graphs.map((graph) => kinds(graph)[11]), ["quick", "tanh", "tanh"]);
  // Without CLIP's final norm and projection, and without SigLIP's pooling head.
  assertEquals(graphs.map(parameters), [85_797_888, 87_465_216, 85_843_200]);
});

Deno.test("parseClipOptions() reads a vision config, a whole config and the class's defaults", () => {
  assertEquals(parseClipOptions({ patch_size: 16, hidden_act: "quick_gelu" }), clipBasePatch16);
  assertEquals(parseClipOptions({}), { ...clipBasePatch16, patchSize: 32 });
  const whole = {
    model_type: "clip",
    hidden_size: 1,
    projection_dim: 256,
    text_config: { hidden_size: 512 },
    vision_config: {
      patch_size: 16,
      num_hidden_layers: 3,
      layer_norm_eps: 1e-6,
      hidden_act: "gelu",
      projection_dim: 64,
    },
  };
  assertEquals(parseClipOptions(whole), {
    ...clipBasePatch16,
    numHiddenLayers: 3,
    layerNormEps: 1e-6,
    hiddenAct: "erf",
    projectionDim: 256,
  });
});

Deno.test("parseSiglipOptions() reads a whole config and the class's defaults", () => {
  assertEquals(parseSiglipOptions({ model_type: "siglip", vision_config: { image_size: 256 } }), siglipBasePatch16);
  assertEquals(parseSiglipOptions({ image_size: 256, patch_size: 32 }), siglipBasePatch32);
});

Deno.test("parseClipOptions() names the key of a wrong value", () => {
  const refused = (config: unknown) => assertThrows(() => parseClipOptions(config), ConfigError).message;
  assertEquals(refused({ patch_size: 15 }), `Cannot read "patch_size" of "config": 15 does not divide an image of 224`);
  assertEquals(
    refused({ vision_config: { num_attention_heads: 5 } }),
    `Cannot read "num_attention_heads" of "config.vision_config": 5 heads do not divide a width of 768`,
  );
  assertEquals(
    refused({ hidden_act: "relu" }),
    `Cannot read "hidden_act" of "config": "relu" is not "quick_gelu" or "gelu_pytorch_tanh" or "gelu_new" or "gelu"`,
  );
  assertEquals(refused({ num_channels: 1 }), `Cannot read "num_channels" of "config": 1 is not 3`);
});

Deno.test("createClip() and createSiglip() ignore what their checkpoints hold besides", () => {
  const ignored = (ignores: readonly RegExp[], names: string[]) =>
    names.filter((name) => ignores.some((pattern) => pattern.test(name)));
  const clipNames = [
    "logit_scale",
    "text_model.final_layer_norm.weight",
    "text_projection.weight",
    "vision_model.embeddings.position_ids",
    "vision_model.post_layernorm.weight",
    "visual_projection.weight",
  ];
  assertEquals(ignored(createClip(clip).ignores, clipNames), clipNames);
  const siglipNames = ["logit_bias", "text_model.head.weight", "vision_model.head.probe"];
  assertEquals(ignored(createSiglip(siglip).ignores, siglipNames), siglipNames);
  const used = ["vision_model.embeddings.patch_embedding.weight", "vision_model.encoder.layers.0.mlp.fc1.bias"];
  assertEquals(ignored([...createClip(clip).ignores, ...createSiglip(siglip).ignores], used), []);
});
