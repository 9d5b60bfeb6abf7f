import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError, WeightError } from "../../core/errors.ts";
import { uniform } from "../../core/sampling.ts";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { exportModel } from "../../data/export.ts";
import { knownModels, shapesOf } from "../../data/known_models.ts";
import { openModelFolder } from "../../data/model_folder.ts";
import { quantise } from "../../data/quantise.ts";
import { applyScales, blockSize } from "../../data/quantised_tensors.ts";
import { castTensors, joinChunks, type TypedTensor } from "../../data/saved_tensor.ts";
import { safetensorsChunks } from "../../data/safetensors_writer.ts";
import { widenFloat16 } from "../../data/half_precision.ts";
import { numbered } from "./tiny_export.ts";

const noise = (count: number) => Float32Array.from({ length: count }, (_, i) => 2 * uniform(7, i) - 1);

Deno.test("quantise() gives the codes and scales of a worked example", () => {
  const values = new Float32Array(2 * blockSize);
  values.set([127, -127, 63.5, 1.4, -1.6]); // scale 1
  const { codes, scales } = quantise(values);
  assertEquals([...codes.subarray(0, 6)], [127, -127, 64, 1, -2, 0]);
  assertEquals([...widenFloat16(scales)], [1, 0]); // a block of zeros keeps zeros
  assertEquals([...applyScales(Float32Array.from(codes), widenFloat16(scales)).subarray(0, 3)], [127, -127, 64]);
});

Deno.test("quantise() stays within 0.51 of a block's largest number over 127", () => {
  const values = noise(64 * blockSize).map((value, i) => value * 10 ** (Math.floor(i / blockSize) % 5 - 3));
  const { codes, scales } = quantise(values);
  const back = applyScales(Float32Array.from(codes), widenFloat16(scales));
  for (let block = 0; block < 64; block++) {
    const range = [block * blockSize, (block + 1) * blockSize] as const;
    const step = Math.max(...values.subarray(...range).map(Math.abs)) / 127;
    values.subarray(...range).forEach((value, i) => {
      assertAlmostEquals(back[range[0] + i]!, value, 0.51 * step + 1e-7);
    });
  }
});

Deno.test("a q8 file is opened as the tensors it was made of, matrices in 8 bits and the rest in halves", async () => {
  const matrix = { shape: [3, 64], toFloat32: () => noise(192) };
  const odd = numbered([3, 20]), norm = numbered([64]);
  const given = new Map<string, TypedTensor>([["a.weight", matrix], ["b.weight", odd], ["norm.weight", norm]]);
  const saved = castTensors(given, { precision: "q8" });
  const { tensors } = await openCheckpoint([{ name: "m.safetensors", bytes: joinChunks(safetensorsChunks(saved)) }]);
  const types = Object.fromEntries([...tensors].map(([name, { dtype }]) => [name, dtype]));
  assertEquals(types, { "b.weight": "F16", "norm.weight": "F16", "a.weight": "Q8" });
  assertEquals(tensors.get("b.weight")!.toFloat32(), odd.toFloat32());
  const read = tensors.get("a.weight")!;
  assertEquals(read.shape, [3, 64]);
  const scratch = new Float32Array(200);
  const values = read.toFloat32(scratch);
  assert(values.buffer === scratch.buffer);
  noise(192).forEach((value, i) => assertAlmostEquals(values[i]!, value, 0.51 / 127 + 1e-7));
});

Deno.test("exportModel() writes q8 folders of half the size, and refuses q8 in a .pth", async () => {
  const sizes = { ...knownModels["minimind-3v"]!, hiddenSize: 64, numHiddenLayers: 1, headDim: 8, vocabSize: 300 };
  const model = {
    tensors: new Map([...shapesOf(sizes)].map(([name, shape]) => [name, numbered(shape)])),
    config: { num_attention_heads: 8 },
  };
  const bytesOf = (precision: "f16" | "q8") => {
    const { files, parameters } = exportModel(model, { format: "hf", precision });
    return { files: new Map(files.map(({ name, chunks }) => [name, joinChunks(chunks())])), parameters };
  };
  const [half, small] = [bytesOf("f16"), bytesOf("q8")];
  assertEquals(small.parameters, half.parameters);
  const size = ({ files }: typeof small) => files.get("model.safetensors")!.length;
  assert(size(small) < 0.6 * size(half), `${size(small)} of ${size(half)} bytes`);
  const folder = await openModelFolder({
    list: () => Promise.resolve([...small.files.keys()]),
    read: (name) => Promise.resolve(small.files.get(name)!),
  });
  assertEquals([...folder.checkpoint.tensors.keys()].sort(), [...model.tensors.keys()].sort());
  const { message } = assertThrows(() => exportModel(model, { format: "pth", precision: "q8" }), ConfigError);
  assertStringIncludes(message, 'Cannot export "q8" as .pth');
});

Deno.test("castTensors() refuses to put a number that is not finite into blocks, naming tensor and element", () => {
  const values = noise(64).fill(NaN, 40, 41);
  const saved = castTensors(new Map([["w", { shape: [2, 32], toFloat32: () => values }]]), { precision: "q8" });
  const { message } = assertThrows(() => saved.get("w")!.toBytes(), WeightError);
  assertStringIncludes(message, 'Cannot write "w" as q8: element 40 is NaN');
});
