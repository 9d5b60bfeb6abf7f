import { assertRejects, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { GraphEncoder, HostEncoder, VisionEncoder } from "../../core/encoder.ts";
import type { Graph, Tensor } from "../../core/graph/mod.ts";
import { clipBasePatch16, createClip } from "../../encoders/clip.ts";
import { createSiglip, siglipBasePatch32 } from "../../encoders/siglip.ts";
import { createTiny, tinyDefaults } from "../../encoders/tiny.ts";
import { checkEncoder } from "./check_encoder.ts";

const size = {
  imageSize: 8,
  patchSize: 4,
  hiddenSize: 12,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  intermediateSize: 16,
};
const clip = createClip({ ...clipBasePatch16, ...size });
const siglip = createSiglip({ ...siglipBasePatch32, ...size });
const stem = [{ width: 4, stride: 2, depth: 1 }, { width: 12, stride: 3, depth: 0 }];
const tiny = createTiny({ ...tinyDefaults, ...size, imageSize: 12, patchSize: 6, stem });
const reference = createReferenceBackend();

for (const encoder of [clip, siglip, tiny]) {
  Deno.test(`checkEncoder() accepts ${encoder.name} on the reference and on wasm`, async () => {
    await checkEncoder(encoder, reference);
    await using wasm = await createWasmBackend({ threads: 1 });
    await checkEncoder(encoder, wasm);
  });
}

async function refused(encoder: VisionEncoder, problem: string): Promise<void> {
  const { message } = await assertRejects(() => checkEncoder(encoder, reference), Error);
  assertStringIncludes(message, problem);
}

/** CLIP with something else done to its features. */
const broken = (change: (graph: Graph, features: Tensor, pixels: Tensor) => Tensor): GraphEncoder => ({
  ...clip,
  encode: (graph, pixels) => change(graph, clip.encode(graph, pixels), pixels),
});

Deno.test("checkEncoder() refuses an encoder that gives another grid than it declares", async () => {
  const declared = { ...clip, output: { tokens: 5, width: 12 } };
  await refused(declared, 'encoder "clip": its output is f32 [1, 4, 12], expected f32 [1, 5, 12]');
});

Deno.test("checkEncoder() refuses an encoder that mixes the images of a batch", async () => {
  const mixing = broken((graph, features) => {
    const [B, N, C] = features.shape as [number, number, number];
    const rows = graph.reshape(features, [1, B * N, 1, C]);
    return graph.reshape(graph.attention(rows, rows, rows, { causal: false }), [B, N, C]);
  });
  await refused(mixing, "on an image beside another one");
});

Deno.test("checkEncoder() refuses an encoder that gives other numbers for a batch of two", async () => {
  const byBatch = broken((graph, features) => graph.scale(features, features.shape[0]!));
  await refused(byBatch, "on an image alone");
});

Deno.test("checkEncoder() refuses an encoder whose numbers are not finite, or the same for all images", async () => {
  await refused(broken((graph, features) => graph.scale(features, Infinity)), "its output has");
  await refused(broken((graph, features) => graph.fill(features.shape, 1)), "the same for two images");
});

Deno.test("checkEncoder() refuses an encoder that keeps a state", async () => {
  const counting = broken((graph, features) => {
    graph.advance(graph.state("count", "i32", [features.shape[0]!]), 1);
    return features;
  });
  await refused(counting, 'it adds state "count" to the graph');
});

Deno.test("checkEncoder() refuses a description that cannot be", async () => {
  await refused({ ...clip, name: "" }, "it has no name");
  await refused({ ...clip, output: { tokens: 0.5, width: 12 } }, "output.tokens is 0.5");
  await refused({ ...clip, pixels: { ...clip.pixels, std: [1, 0, 1] } }, "pixels.std is 1,0,1");
  await refused({ ...clip, pixels: { ...clip.pixels, mean: [NaN, 0, 1] } }, "pixels.mean is NaN,0,1");
  await refused({ ...clip, ignores: [/fc1/] }, "and ignores /fc1/");
});

/** An encoder outside the graph: mean and largest value of each channel. */
const host: HostEncoder = {
  name: "statistics",
  pixels: { size: 4, mean: [0, 0, 0], std: [1, 1, 1] },
  output: { tokens: 3, width: 2 },
  run(pixels) {
    if (pixels.length !== 48) return Promise.reject(new RangeError("Cannot encode an image: wrong size"));
    const channels = [0, 1, 2].map((c) => pixels.subarray(16 * c, 16 * (c + 1)));
    const features = channels.flatMap((values) => [values.reduce((sum, x) => sum + x) / 16, Math.max(...values)]);
    return Promise.resolve(Float32Array.from(features));
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

Deno.test("checkEncoder() accepts an encoder outside the graph", () => checkEncoder(host, reference));

Deno.test("checkEncoder() refuses an encoder outside the graph that breaks its promises", async () => {
  const changed = (run: HostEncoder["run"]) => ({ ...host, run });
  const shared = new Float32Array(6);
  await refused({ ...host, output: { tokens: 3, width: 3 } }, "it gives 6 numbers, expected 3 times 3");
  await refused(changed(async (pixels) => (await host.run(pixels)).fill(NaN)), "its output has NaN at index 0");
  await refused(changed(async (pixels) => (shared.set(await host.run(pixels)), shared)), "what the run before it gave");
  await refused(changed((pixels) => host.run(pixels.fill(1))), "it changes the pixels it is given");
  await refused(changed(() => Promise.resolve(new Float32Array(6))), "the same for two images");
  await refused(changed((pixels) => host.run(pixels.length === 48 ? pixels : new Float32Array(48))), "it takes 47");
  let running = 0;
  const confused = async (pixels: Float32Array) => {
    const crowd = running++;
    await new Promise((resolve) => setTimeout(resolve));
    running--;
    return (await host.run(pixels)).map((value) => value + crowd);
  };
  await refused(changed(confused), "when two images are encoded at once");
});
