import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { safetensorsChunks } from "../../data/safetensors_writer.ts";
import { castTensors, floatPrecisions, joinChunks, type Precision, type TypedTensor } from "../../data/saved_tensor.ts";
import { readTorchCheckpoint } from "../../data/torch_checkpoint/mod.ts";
import { writeTorchCheckpoint } from "../../data/torch_checkpoint/write.ts";
import { numbered, tinyTensors } from "./tiny_export.ts";

const tensor = (values: readonly number[], dtype?: TypedTensor["dtype"]): TypedTensor => ({
  shape: [values.length],
  dtype,
  toFloat32: () => Float32Array.from(values),
});

function refused(tensor: TypedTensor, precision: Precision, message: string): void {
  const saved = castTensors(new Map([["w", tensor]]), { precision }).get("w")!;
  assertStringIncludes(assertThrows(() => saved.toBytes(), WeightError).message, message);
}

Deno.test("castTensors() refuses a number that would become infinite, naming tensor and element", () => {
  refused(tensor([1, -70000]), "f16", 'Cannot write "w" as f16: element 1 is -70000, which is too large');
  refused(tensor([3.4e38]), "bf16", 'Cannot write "w" as bf16: element 0');
  const cast = (values: number[], allowOverflow: boolean) => {
    return castTensors(new Map([["w", tensor(values)]]), { precision: "f16", allowOverflow }).get("w")!.toBytes();
  };
  assertEquals([...cast([70000], true)], [0x00, 0x7c]);
  assertEquals([...cast([Infinity, -Infinity], false)], [0x00, 0x7c, 0x00, 0xfc]);
});

Deno.test("castTensors() refuses values that do not fit the shape, and whole numbers that may not be exact", () => {
  refused({ ...tensor([1, 2]), shape: [3] }, "f32", 'Cannot write "w": 2 values for [3]');
  refused(tensor([2 ** 24], "I64"), "f16", 'Cannot write "w" as I64: element 0, 16777216, may not be exact');
});

Deno.test("both writers give back every type and shape bit for bit through our readers", () => {
  const whole = (["I64", "I32", "U8"] as const).map((type): [string, TypedTensor] => {
    return [type, { ...numbered([2, 3], type), toFloat32: () => Float32Array.of(0, 1, 2, 3, 4, 127) }];
  });
  const tensors = new Map([...tinyTensors(), ...whole]);
  for (const precision of floatPrecisions) {
    const saved = castTensors(tensors, { precision });
    const torch = readTorchCheckpoint(writeTorchCheckpoint(saved)).tensors;
    const safe = readSafetensors(joinChunks(safetensorsChunks(saved))).tensors;
    assertEquals([...torch.keys()], [...tensors.keys()]);
    for (const [name, { dtype, shape, toBytes }] of saved) {
      for (const read of [torch.get(name)!, safe.get(name)!]) {
        assertEquals([read.dtype, read.shape], [dtype, shape]);
        assertEquals(read.toFloat32(), tensors.get(name)!.toFloat32());
      }
      assertEquals([...torch.get(name)!.toBytes()], [...toBytes()]);
    }
  }
});

Deno.test("both writers refuse bytes that do not fit the shape, naming the tensor", () => {
  const wrong = new Map([["w", { dtype: "F32", shape: [2], toBytes: () => new Uint8Array(7) } as const]]);
  const message = 'Cannot write "w": 7 bytes for F32 [2]';
  for (const write of [() => writeTorchCheckpoint(wrong), () => joinChunks(safetensorsChunks(wrong))]) {
    assertStringIncludes(assertThrows(write, WeightError).message, message);
  }
});
