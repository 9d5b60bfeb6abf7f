import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { elementCount, Graph, planGraph, type Tensor } from "../../core/graph/mod.ts";
import { createTiny, parseTinyOptions, tinyDefaults, type TinyOptions } from "../../encoders/tiny.ts";
import { largestDifference, SeededRun, seededValues, seededWeight } from "./seeded_run.ts";

const D = 8, S = 12, N = 4;
const options: TinyOptions = {
  ...tinyDefaults,
  imageSize: S,
  patchSize: 6,
  hiddenSize: D,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 16,
  stem: [{ width: 4, stride: 2, depth: 1 }, { width: D, stride: 3, depth: 0 }],
};
const pixels = seededValues("pixels", 2 * 3 * S * S);

/** A picture `[edge][edge][channels]`. */
type Grid = number[][][];

function weight(name: string, shape: number[], layout: "rows" | "matrix" = "rows"): Float32Array {
  return seededWeight({ name: `vision_model.${name}`, shape, layout });
}

function layerNorm(row: readonly number[], name: string): number[] {
  const [scale, shift] = [weight(`${name}.weight`, [row.length]), weight(`${name}.bias`, [row.length])];
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map((value, i) => (value - mean) / Math.sqrt(variance + 1e-6) * scale[i]! + shift[i]!);
}

/** A layer of the stem: the convolution by its definition, norm, x · σ(1.702x). */
function layer(x: Grid, { name, width, stride }: { name: string; width: number; stride: number }): Grid {
  const channels = x[0]![0]!.length, padding = stride < 3 ? 1 : 0;
  const kernel = weight(`${name}.conv.weight`, [width, 3, 3, channels], "matrix");
  const edge = Math.floor((x.length + 2 * padding - 3) / stride) + 1;
  const grid = Array.from({ length: edge }, (_, i) => i);
  return grid.map((row) =>
    grid.map((column) => {
      const sums = Array.from({ length: width }, (_, out) => {
        let sum = 0;
        for (let i = 0; i < 9; i++) {
          const [dy, dx] = [Math.floor(i / 3), i % 3];
          const pixel = x[row * stride + dy - padding]?.[column * stride + dx - padding];
          for (let c = 0; c < channels; c++) sum += kernel[(out * 9 + i) * channels + c]! * (pixel?.[c] ?? 0);
        }
        return sum;
      });
      return layerNorm(sums, `${name}.norm`).map((value) => value / (1 + Math.exp(-1.702 * value)));
    })
  );
}

Deno.test("createTiny() convolves, adds residual convolutions and positions, and norms last within 1e-5", async () => {
  const withoutBlocks = (tensor: Tensor) =>
    /self_attn\.out_proj|mlp\.fc2/.test(tensor.name)
      ? new Float32Array(elementCount(tensor.shape))
      : seededWeight(tensor);
  const graph = new Graph();
  graph.output("y", createTiny(options).encode(graph, graph.input("pixels", "f32", [2, 3, S, S])));
  const { y } = await new SeededRun(withoutBlocks).once(graph, { pixels });
  const positions = weight("embeddings.position_embedding.weight", [N, D]);
  const expected = [0, 1].flatMap((b) => {
    const lines = Array.from({ length: S }, (_, row) => row);
    const image = lines.map((row) =>
      lines.map((column) => [0, 1, 2].map((c) => pixels[((b * 3 + c) * S + row) * S + column]!))
    );
    const first = layer(image, { name: "stem.0.0", width: 4, stride: 2 });
    const residual = layer(first, { name: "stem.0.1", width: 4, stride: 1 });
    const sum = first.map((row, i) => row.map((pixel, j) => pixel.map((value, c) => value + residual[i]![j]![c]!)));
    const tokens = layer(sum, { name: "stem.1.0", width: D, stride: 3 }).flat();
    return tokens.flatMap((row, n) =>
      layerNorm(row.map((value, i) => value + positions[n * D + i]!), "post_layernorm")
    );
  });
  const difference = largestDifference(y!, expected);
  assert(difference <= 1e-5, `off by ${difference}`);
});

Deno.test("createTiny() traces the stages of its stem, the embeddings and the layers", () => {
  const graph = new Graph();
  const traced: [string, readonly number[]][] = [];
  const trace = (step: string, { shape }: Tensor) => void traced.push([step, shape]);
  createTiny(options).encode(graph, graph.input("pixels", "f32", [2, 3, S, S]), { trace });
  assertEquals(traced, [
    ["stem.0", [2, 6, 6, 4]],
    ["stem.1", [2, 2, 2, D]],
    ["embeddings", [2, N, D]],
    ["layer.0", [2, N, D]],
    ["layer.1", [2, N, D]],
  ]);
});

Deno.test("createTiny() has the size that its default says", () => {
  const { pixels: { size }, output, encode } = createTiny(parseTinyOptions({}));
  const graph = new Graph();
  assertEquals(encode(graph, graph.input("pixels", "f32", [1, 3, size, size])).shape, [1, output.tokens, output.width]);
  const sizes = [...planGraph(graph).storages.values()].map(({ shape }) => elementCount(shape));
  assertEquals([size, output.tokens, sizes.reduce((a, b) => a + b)], [144, 36, 2_172_120]);
});

Deno.test("parseTinyOptions() reads the keys of its config and names the one that does not fit", () => {
  assertEquals(parseTinyOptions({}), tinyDefaults);
  const config = {
    image_size: 96,
    hidden_size: 64,
    num_attention_heads: 2,
    hidden_act: "gelu",
    stem_widths: [16, 64],
    stem_strides: [2, 3],
    stem_depths: [0, 1],
  };
  const { patchSize, hiddenAct, stem } = parseTinyOptions(config);
  assertEquals([patchSize, hiddenAct], [6, "erf"]);
  assertEquals(stem, [{ width: 16, stride: 2, depth: 0 }, { width: 64, stride: 3, depth: 1 }]);
  const refused = (changes: object) =>
    assertThrows(() => parseTinyOptions({ ...config, ...changes }), ConfigError).message;
  const cannot = (key: string) => `Cannot read "${key}" of "config": `;
  assertEquals(refused({ stem_depths: [1] }), `${cannot("stem_depths")}there are 1 stages, but 2 stem_widths`);
  assertEquals(refused({ stem_strides: [1, 4] }), `${cannot("stem_strides")}4 is more than a window of 3`);
  assertEquals(refused({ patch_size: 8 }), `${cannot("patch_size")}8 is not 6, the product of the strides`);
  assertEquals(refused({ hidden_size: 32 }), `${cannot("stem_widths")}the last is 64, but hidden_size 32`);
  assertEquals(refused({ image_size: 100 }), `${cannot("patch_size")}6 does not divide an image of 100`);
});
