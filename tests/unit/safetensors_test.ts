import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { writeSafetensors } from "../../data/safetensors_writer.ts";

/** A file with the given header text (padded to 8 bytes) and data bytes. */
function fileOf(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(header);
  const length = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + length + data.length).fill(0x20);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(json, 8);
  file.set(data, 8 + length);
  return file;
}

/** A file with one tensor "w" of the given type, shape and data. */
function fileWith(dtype: string, shape: number[], data: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return fileOf(JSON.stringify({ w: { dtype, shape, data_offsets: [0, bytes.length] } }), bytes);
}

const refused = (file: Uint8Array, message: string) =>
  assertStringIncludes(assertThrows(() => readSafetensors(file), WeightError).message, message);

Deno.test("readSafetensors() gives back bit for bit what writeSafetensors() was given", () => {
  const written = new Map([
    ["bytes", { shape: [3], values: new Uint8Array([1, 2, 255]) }],
    ["floats", { shape: [2, 2], values: new Float32Array([1, -0, NaN, 3.5e-42]) }],
    ["scalar", { shape: [], values: new Float32Array([7]) }],
    ["empty", { shape: [0, 4], values: new Float32Array() }],
    ["doubles", { shape: [1], values: new Float64Array([Math.PI]) }],
    ["longs", { shape: [2], values: new BigInt64Array([-1n, 2n ** 40n]) }],
    ["ints", { shape: [2], values: new Int32Array([-5, 2 ** 31 - 1]) }],
    ["__proto__", { shape: [1], values: new Int32Array([1]) }],
  ]);
  const { tensors, metadata } = readSafetensors(writeSafetensors(written, new Map([["format", "pt"]])));
  assertEquals([...metadata], [["format", "pt"]]);
  assertEquals([...tensors.keys()].sort(), [...written.keys()].sort());
  for (const [name, { shape, values }] of written) {
    const tensor = tensors.get(name)!;
    assertEquals(tensor.shape, shape);
    assertEquals([...tensor.bytes], [...new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
  }
});

Deno.test("toFloat32() views aligned f32 without a copy, and copies what is not aligned", () => {
  const file = fileWith("F32", [2], new Float32Array([1.5, -2]));
  assertEquals(readSafetensors(file).tensors.get("w")!.toFloat32().buffer, file.buffer);
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  const { tensors } = readSafetensors(shifted.subarray(1));
  assertEquals([...tensors.get("w")!.toFloat32()], [1.5, -2]);
});

Deno.test("toFloat32() widens f16, bf16, f64, i64, i32, u8 and bool exactly where f32 can hold the value", () => {
  const read = (dtype: string, data: ArrayBufferView, count: number) => [
    ...readSafetensors(fileWith(dtype, [count], data)).tensors.get("w")!.toFloat32(),
  ];
  const halves = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x8000, 0x7bff, 0x7c00, 0xfc00, 0x7e01, 0x03ff]);
  assertEquals(read("F16", halves, 9), [1, -2, 2 ** -24, -0, 65504, Infinity, -Infinity, NaN, 1023 / 2 ** 24]);
  assertEquals(read("BF16", new Uint16Array([0x3f80, 0xc000, 0x7f80, 0x0001]), 4), [1, -2, Infinity, 2 ** -133]);
  assertEquals(read("F64", new Float64Array([0.5, -3]), 2), [0.5, -3]);
  assertEquals(read("I64", new BigInt64Array([-7n, 9n]), 2), [-7, 9]);
  assertEquals(read("I32", new Int32Array([-7, 9]), 2), [-7, 9]);
  assertEquals(read("U8", new Uint8Array([0, 200]), 2), [0, 200]);
  assertEquals(read("BOOL", new Uint8Array([0, 1]), 2), [0, 1]);
});

Deno.test("toInt32() refuses floats and integers that do not fit", () => {
  const read = (dtype: string, data: ArrayBufferView) =>
    readSafetensors(fileWith(dtype, [1], data)).tensors.get("w")!.toInt32();
  assertEquals([...read("I64", new BigInt64Array([-3n]))], [-3]);
  assertThrows(() => read("I64", new BigInt64Array([2n ** 31n])), WeightError, "element 0 is 2147483648");
  assertThrows(() => read("F32", new Float32Array([1])), WeightError, "its type is F32");
});

Deno.test("readSafetensors() refuses files whose header breaks the format, naming tensor and byte", () => {
  const four = new Uint8Array(4);
  const entry = (begin: number, end: number, shape: number[] = [1], dtype = "F32") =>
    JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
  refused(new Uint8Array(3), "3 bytes");
  const long = fileOf("{}");
  new DataView(long.buffer).setBigUint64(0, 2n ** 60n, true);
  refused(long, "the limit is 100000000");
  const past = fileOf("{}");
  new DataView(past.buffer).setBigUint64(0, 1000n, true);
  refused(past, "claims 1000 bytes");
  refused(fileOf("{"), "not JSON");
  refused(fileOf("[]"), "not an object");
  refused(fileOf(`{"__metadata__": {"a": 1}}`), "__metadata__.a");
  refused(fileOf(`{"w": ${entry(0, 4)}, "w": ${entry(0, 4)}}`, four), `"w": the header has the name twice`);
  refused(fileOf(`{"w": ${entry(0, 4)}, "\\u0077": ${entry(0, 4)}}`, four), `"w": the header has the name twice`);
  refused(fileOf(`{"w": 1}`), "not an object");
  refused(fileOf(`{"w": ${entry(0, 4, [1], "F8_E4M3")}}`, four), `"w": its type "F8_E4M3"`);
  refused(fileOf(`{"w": ${entry(0, 4, [-1])}}`, four), "its shape [-1]");
  refused(fileOf(`{"w": ${entry(0, 4, [1.5])}}`, four), "its shape [1.5]");
  refused(fileOf(`{"w": ${entry(0, 4, [2])}}`, four), "F32 [2] takes 8 bytes");
  refused(fileOf(`{"w": ${entry(-4, 0)}}`, four), "its data_offsets [-4,0]");
  refused(fileOf(`{"w": ${entry(4, 8)}}`, four), "data bytes 0 to 4");
  refused(fileOf(`{"w": ${entry(0, 8, [2])}}`, four), "ends at data byte 8");
  refused(fileOf(`{"v": ${entry(0, 4)}, "w": ${entry(0, 4)}}`, four), `"w": it overlaps`);
  refused(fileOf(`{"w": ${entry(0, 4)}}`, new Uint8Array(8)), "data bytes 4 to 8 belong to no tensor");
});

Deno.test("writeSafetensors() refuses values that do not fit their shape", () => {
  const tensors = new Map([["w", { shape: [3], values: new Float32Array(2) }]]);
  assertThrows(() => writeSafetensors(tensors), WeightError, `"w": 2 values for [3]`);
  assert(writeSafetensors(new Map()).length % 8 === 0);
});
