import { assert, assertEquals } from "@std/assert";
import { byteSource } from "../../data/byte_source.ts";
import { castTensors, floatPrecisions, joinChunks } from "../../data/saved_tensor.ts";
import { readTorchCheckpoint } from "../../data/torch_checkpoint/mod.ts";
import { torchCheckpointChunks, writeTorchCheckpoint } from "../../data/torch_checkpoint/write.ts";
import { zipChunks } from "../../data/torch_checkpoint/write_zip.ts";
import { readZip } from "../../data/torch_checkpoint/zip.ts";
import { numbered, tinyFile, tinyTensors, tinyUrl } from "./tiny_export.ts";

Deno.test("writeTorchCheckpoint() makes the committed files, which PyTorch has read, byte for byte", () => {
  for (const precision of floatPrecisions) {
    assertEquals(tinyFile(precision), Deno.readFileSync(tinyUrl(precision)));
  }
});

Deno.test("writeTorchCheckpoint() stores a tied tensor once", () => {
  const records = readZip(byteSource(tinyFile("f32")));
  const names = [...records.keys()].filter((name) => name.startsWith("archive/data/"));
  assertEquals(names.length, tinyTensors().size - 1);
});

Deno.test("torchCheckpointChunks() starts every record's data at a multiple of 64 bytes", () => {
  const saved = castTensors(tinyTensors(), { precision: "f16" });
  const records = new Set([...saved.values()]).size + 3; // with data.pkl, byteorder and version
  let offset = 0;
  const starts: number[] = [];
  for (const chunk of torchCheckpointChunks(saved)) {
    offset += chunk.length;
    if (chunk[0] === 0x50 && chunk[1] === 0x4b && chunk[2] === 3) starts.push(offset);
  }
  assertEquals(starts.length, records);
  assert(starts.every((start) => start % 64 === 0));
});

Deno.test("writeTorchCheckpoint() writes none, one, and thousands of tensors that the reader gives back", () => {
  for (const count of [0, 1, 1000, 2001]) {
    const tensors = new Map(Array.from({ length: count }, (_, i) => [`w${i}`, numbered([1 + i % 2])]));
    const read = readTorchCheckpoint(writeTorchCheckpoint(castTensors(tensors, { precision: "f32" }))).tensors;
    assertEquals([...read].map(([name, { shape }]) => `${name} ${shape}`), [
      ...tensors.entries().map(([name, { shape }]) => `${name} ${shape}`),
    ]);
  }
});

Deno.test("zipChunks() asks for a record only when it is its turn", () => {
  const asked: string[] = [];
  const record = (name: string) => ({
    name,
    toBytes: () => {
      asked.push(name);
      return new Uint8Array([1, 2, 3]);
    },
  });
  const chunks = zipChunks([record("a"), record("b")]);
  chunks.next();
  assertEquals(asked, ["a"]);
  assert(joinChunks(chunks).length > 0);
  assertEquals(asked, ["a", "b"]);
});
