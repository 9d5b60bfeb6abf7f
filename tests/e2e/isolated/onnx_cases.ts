import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { createWasmBackend } from "../../../backends/wasm/mod.ts";
import { ConfigError } from "../../../core/errors.ts";
import { Graph } from "../../../core/graph/mod.ts";
import type { PluginContext } from "../../../core/plugin.ts";
import { clipModel } from "../../../bench/onnx_model.ts";
import { OnnxGraph } from "../../../bench/onnx_graph.ts";
import { clipBasePatch16, createClip } from "../../../encoders/clip.ts";
import { createOnnxEncoder, type OnnxEncoderOptions } from "../../../encoders/onnx.ts";
import { createRegistry } from "../../../plugins/mod.ts";
import { checkEncoder } from "../../conformance/mod.ts";
import { largestDifference, SeededRun, seededValues, seededWeight } from "../../unit/seeded_run.ts";
import { C, N, P, patchFeatures, patchModel, S } from "./onnx_models.ts";

const channels = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
const pixels = seededValues("pixels", 3 * S * S);

function near(a: Float32Array, b: Float32Array): void {
  const difference = largestDifference(a, b);
  assert(difference <= 1e-5, `off by ${difference}`);
}

Deno.test("createOnnxEncoder() gives what createClip() gives for an export of its weights within 1e-5", async () => {
  const size = { imageSize: 32, patchSize: 8, hiddenSize: 24, numHiddenLayers: 2, numAttentionHeads: 3 };
  const options = { ...clipBasePatch16, ...size, intermediateSize: 48 };
  const clip = createClip(options);
  const graph = new Graph();
  graph.output("features", clip.encode(graph, graph.input("pixels", "f32", [1, 3, 32, 32])));
  const photo = seededValues("photo", 3 * 32 * 32);
  const { features } = await new SeededRun().once(graph, { pixels: photo });
  const model = clipModel((name) => seededWeight(graph.named.get(name)!), options);
  await using onnx = await createOnnxEncoder({ model, ...channels });
  assertEquals(onnx.output, clip.output);
  near(await onnx.run(photo), features as Float32Array);
});

Deno.test("createOnnxEncoder() reads size and grid from a file that fixes them", async () => {
  await using encoder = await createOnnxEncoder({ model: patchModel({ input: "x" }), ...channels, filter: "bilinear" });
  assertEquals(encoder.output, { tokens: N, width: C });
  assertEquals(encoder.pixels, { size: S, ...channels, fit: undefined, filter: "bilinear" });
  near(await encoder.run(pixels), patchFeatures(pixels));
});

Deno.test("createOnnxEncoder() finds the grid by a run where a file leaves it open", async () => {
  const model = patchModel({ open: true });
  await using encoder = await createOnnxEncoder({ model, size: S, ...channels });
  assertEquals(encoder.output, { tokens: N, width: C });
  near(await encoder.run(pixels), patchFeatures(pixels));
  await using larger = await createOnnxEncoder({ model, size: 3 * P, ...channels });
  assertEquals(larger.output, { tokens: 9, width: C });
});

Deno.test("createOnnxEncoder() turns a map [1,C,H,W] into features [N,C]", async () => {
  for (const open of [false, true]) {
    await using encoder = await createOnnxEncoder({ model: patchModel({ map: true, open }), size: S, ...channels });
    assertEquals(encoder.output, { tokens: N, width: C });
    near(await encoder.run(pixels), patchFeatures(pixels));
  }
});

Deno.test("createOnnxEncoder() drops vectors at the front and takes an output by name or place", async () => {
  const model = patchModel({ classToken: true });
  await using whole = await createOnnxEncoder({ model, ...channels });
  assertEquals(whole.output, { tokens: N + 1, width: C });
  for (const output of ["last_hidden_state", 1]) {
    await using encoder = await createOnnxEncoder({ model, ...channels, output, dropFirst: 1 });
    assertEquals(encoder.output, { tokens: N, width: C });
    near(await encoder.run(pixels), patchFeatures(pixels));
  }
});

Deno.test("checkEncoder() accepts createOnnxEncoder()", async () => {
  await using encoder = await createOnnxEncoder({ model: patchModel(), ...channels });
  await checkEncoder(encoder, createReferenceBackend());
});

Deno.test("createOnnxEncoder() names what is wrong with a file or contradicts it", async () => {
  const refused = async (options: Partial<OnnxEncoderOptions>) => {
    const all = { model: patchModel(), ...channels, ...options };
    return (await assertRejects(() => createOnnxEncoder(all), ConfigError)).message;
  };
  const input = `Cannot use input "pixel_values" of the ONNX file`;
  const output = `Cannot use output "last_hidden_state" of the ONNX file`;
  assertEquals(await refused({ size: 16 }), `${input}: it takes 8 pixels, not 16`);
  assertEquals(
    await refused({ model: patchModel({ open: true }) }),
    `${input}: it leaves the image size open, so give one`,
  );
  const names = "there are pooled, last_hidden_state";
  assertEquals(await refused({ output: "features" }), `Cannot find output "features" of the ONNX file: ${names}`);
  assertEquals(await refused({ output: 2 }), `Cannot find output 2 of the ONNX file: ${names}`);
  assertStringIncludes(await refused({ output: "pooled" }), "[1, 6] is neither features [1, N, C] nor a map");
  assertEquals(await refused({ dropFirst: N }), `${output}: the first 4 of 4 vectors cannot be dropped`);
  const map = patchModel({ map: true });
  assertEquals(
    await refused({ model: map, dropFirst: 1 }),
    `${output}: a map [1, 6, 2, 2] has no first vectors to drop`,
  );
  assertStringIncludes(await refused({ model: new Uint8Array(100) }), "Cannot open the ONNX file: ");
  assertStringIncludes(await refused({ model: patchModel().subarray(0, 200) }), "Cannot open the ONNX file: ");
});

Deno.test("createOnnxEncoder() refuses files that take something else than pixels", async () => {
  const refused = async (fill: (graph: OnnxGraph) => string) => {
    const graph = new OnnxGraph();
    graph.output("y", fill(graph), ["a", "b", "c", "d"]);
    const model = graph.toBytes();
    return (await assertRejects(() => createOnnxEncoder({ model, ...channels }), ConfigError)).message;
  };
  const expected = "expected float32 [1, 3, S, S]";
  assertEquals(
    await refused((graph) => graph.input("image", "f32", [1, 8, 8, 3])),
    `Cannot use input "image" of the ONNX file: float32 [1, 8, 8, 3], ${expected}`,
  );
  assertStringIncludes(await refused((graph) => graph.input("image", "f32", [1, 3, 8, 4])), expected);
  assertStringIncludes(await refused((graph) => graph.input("image", "f32", [2, 3, 8, 8])), expected);
  const cast = (graph: OnnxGraph) => graph.apply("Cast", [graph.input("ids", "i64", [1, 3, 8, 8])], { to: 1 });
  assertStringIncludes(await refused(cast), `input "ids" of the ONNX file: int64 [1, 3, 8, 8]`);
  const two = (graph: OnnxGraph) =>
    graph.apply("Add", [graph.input("a", "f32", [1, 3, 8, 8]), graph.input("b", "f32", [1, 3, 8, 8])]);
  assertStringIncludes(await refused(two), "its inputs are a, b, expected one that takes pixels");
});

Deno.test("createOnnxEncoder() refuses pixels of another size, and everything once it is disposed of", async () => {
  const encoder = await createOnnxEncoder({ model: patchModel(), ...channels });
  const error = await assertRejects(() => encoder.run(new Float32Array(5)), RangeError);
  assertEquals(error.message, "Cannot encode an image: 5 numbers, expected [3, 8, 8]");
  near(await encoder.run(pixels), patchFeatures(pixels));
  await encoder[Symbol.asyncDispose]();
  await encoder[Symbol.asyncDispose]();
  await assertRejects(() => encoder.run(pixels), TypeError, "is disposed of");
});

Deno.test("createOnnxEncoder() leaves Worker as it was, so that other threads still start", async () => {
  const before = globalThis.Worker;
  await using _encoder = await createOnnxEncoder({ model: patchModel(), ...channels });
  assert(globalThis.Worker === before);
  await using backend = await createWasmBackend({ threads: 2 });
  assertEquals(backend.capabilities.threads, 2);
});

Deno.test("the onnx plugin reads its file through the context and passes its options on", async () => {
  const read: string[] = [];
  const context: PluginContext = {
    readFile: (path) => (read.push(path), Promise.resolve(patchModel({ open: true, classToken: true }))),
    notice: () => {},
  };
  const plugin = await createRegistry().resolve("encoder", "onnx", { base: "file:///" });
  const options = plugin.parseOptions({
    file: "./vit.onnx",
    image_size: S,
    image_mean: [0, 0.5, 1],
    image_std: [1, 2, 3],
    fit: "stretch",
    filter: "bilinear",
    output: "last_hidden_state",
    drop_first: 1,
  });
  await using encoder = await plugin.create(options, context) as Awaited<ReturnType<typeof createOnnxEncoder>>;
  assertEquals(read, ["./vit.onnx"]);
  const expected = { size: S, mean: [0, 0.5, 1], std: [1, 2, 3], fit: "stretch", filter: "bilinear" };
  assertEquals<unknown>(encoder.pixels, expected);
  near(await encoder.run(pixels), patchFeatures(pixels));
});
