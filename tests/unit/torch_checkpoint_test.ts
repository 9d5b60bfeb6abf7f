import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { crc32 } from "../../data/crc32.ts";
import { readTorchCheckpoint } from "../../data/torch_checkpoint/mod.ts";
import { latin1, storedZip } from "./stored_zip.ts";

const folder = new URL("../fixtures/goldens/pth/", import.meta.url);
const fixture = (name: string) => Deno.readFileSync(new URL(name, folder));
const cases: [string, { must: string; expected: string; never_create?: string }][] = Object.entries(
  JSON.parse(new TextDecoder().decode(fixture("files.json"))),
);

/** A checkpoint around a hand-written pickle, its CRCs left out. */
const pickled = (pickle: Uint8Array) => storedZip({ "archive/data.pkl": pickle, "archive/data/0": new Uint8Array(16) });

const refused = (file: Uint8Array, message: string) =>
  assertStringIncludes(assertThrows(() => readTorchCheckpoint(file), WeightError).message, message);

Deno.test("readTorchCheckpoint() gives every number of zip and legacy files exactly", () => {
  const good = cases.filter(([, { must }]) => must === "load");
  assert(good.length >= 13);
  for (const [name, { expected }] of good) {
    const { tensors } = readTorchCheckpoint(fixture(name));
    const goldens = readSafetensors(fixture(expected)).tensors;
    assertEquals([...tensors.keys()].sort(), [...goldens.keys()].sort());
    for (const [tensor, golden] of goldens) {
      assertEquals(tensors.get(tensor)!.shape, golden.shape);
      assertEquals([...tensors.get(tensor)!.toFloat32()], [...golden.toFloat32()]);
    }
  }
});

Deno.test("readTorchCheckpoint() refuses every malicious and damaged file, and executes nothing", () => {
  const bad = cases.filter(([, { must }]) => must !== "load");
  assert(bad.length >= 60);
  for (const [name] of bad) assertThrows(() => readTorchCheckpoint(fixture(name)), WeightError, "Cannot read PyTorch");
  for (const path of new Set(bad.flatMap(([, { never_create }]) => never_create ?? []))) {
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  }
});

Deno.test("readTorchCheckpoint() names global or opcode, and byte, of what it refuses", () => {
  const message = (name: string, expected: string) => refused(fixture(name), expected);
  message("evil-system-zip.pth", `"data.pkl": opcode GLOBAL: the global "posix.system" is not on the list`);
  message("evil-system-zip.pth", "byte 2");
  message("evil-dotted-zip.pth", `the global "torch._utils._rebuild_tensor_v2.__globals__"`);
  message("evil-inst-zip.pth", "opcode INST: it is not on the list of opcodes that are read, byte 30");
  message("evil-eval-legacy.pth", `"legacy file": opcode GLOBAL: the global "__builtin__.eval"`);
  message("bad-crc-zip.pth", "the record is damaged: its CRC-32 is");
  message("truncated-zip.pth", "the file is cut off");
  message("big-endian-legacy.pth", "big-endian");
  refused(new Uint8Array([1, 2]), "its 2 bytes do not start like a checkpoint");
});

Deno.test("readTorchCheckpoint() stops a pickle that runs long or asks for too much", () => {
  const program = (repeated: Uint8Array, times: number) => {
    const pickle = new Uint8Array(2 + repeated.length * times);
    pickle.set([0x80, 2]);
    for (let i = 0; i < times; i++) pickle.set(repeated, 2 + i * repeated.length);
    return pickled(pickle);
  };
  refused(program(latin1("N"), 600_000), "there are more than 500000 opcodes, byte 500000");
  refused(pickled(latin1("\x80\x02c" + "x".repeat(300) + "\n")), "no line ends within 256 bytes, byte 3");
  refused(pickled(latin1("\x80\x02}X\0\0\x20\0" + "x".repeat(2 ** 21))), "a string of 2097152 bytes is too long");
  const key = latin1("}X\x58\x02\0\0" + "k".repeat(600) + "Ns.");
  refused(pickled(key), "the name has 600 characters");
});

Deno.test("readTorchCheckpoint() leaves CRCs unchecked when told so", () => {
  const damaged = fixture("bad-crc-zip.pth");
  assertEquals([...readTorchCheckpoint(damaged, { checksums: false }).tensors.keys()], ["w", "b"]);
});

Deno.test("toFloat32() views aligned f32 of the file, shares storages, and widens halves anew each time", () => {
  const file = fixture("module-zip.pth");
  const { tensors } = readTorchCheckpoint(file);
  const [embedding, head] = ["embed_tokens.weight", "lm_head.weight"].map((name) => tensors.get(name)!.toFloat32());
  assertEquals([embedding!.buffer, embedding!.byteOffset], [file.buffer, head!.byteOffset]);
  const half = readTorchCheckpoint(fixture("half-zip.pth")).tensors.get("norm.weight")!;
  assert(half.toFloat32().buffer !== half.toFloat32().buffer);
  assertEquals(half.dtype, "F16");
});

Deno.test("readTorchCheckpoint() reads a file that lies at an odd byte of a larger one", () => {
  for (const name of ["views-zip.pth", "views-legacy.pth"]) {
    const file = fixture(name);
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    const [a, b] = [readTorchCheckpoint(file), readTorchCheckpoint(shifted.subarray(1))];
    for (const [tensor, value] of a.tensors) assertEquals(b.tensors.get(tensor)!.toFloat32(), value.toFloat32());
  }
});

Deno.test("readTorchCheckpoint() keeps a training run's counters and settings beside the tensors", () => {
  const { values } = readTorchCheckpoint(fixture("resume-zip.pth"));
  assertEquals([values.get("epoch"), values.get("step"), values.get("wandb_id")], [1, 3, null]);
  assertEquals(values.get("optimizer/param_groups/0/lr"), 1e-3);
  assertEquals(values.get("scaler/scale"), 65536);
  const nested = readTorchCheckpoint(fixture("views-zip.pth")).values;
  assertEquals(nested.get("nested/list/6"), -(2n ** 70n));
});

Deno.test("crc32() matches the check value of the standard and takes any length and alignment", () => {
  assertEquals(crc32(latin1("123456789")), 0xcbf43926);
  assertEquals(crc32(new Uint8Array()), 0);
  const text = latin1("0123456789".repeat(20));
  const slow = (bytes: Uint8Array) => {
    let crc = 0xffffffff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  for (let start = 0; start < 5; start++) {
    for (let end = start; end < 70; end++) {
      assertEquals(crc32(text.subarray(start, end)), slow(text.subarray(start, end)));
    }
  }
});
