import { assert, assertEquals, assertThrows } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { type ByteSource, byteSource, sliceSource } from "../../data/byte_source.ts";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { writeSafetensors } from "../../data/safetensors_writer.ts";
import { OpenFiles } from "../../sdk/disk_source.ts";
import { openFileSystem } from "../../sdk/file_system.ts";

const goldens = new URL("../fixtures/goldens/pth/", import.meta.url);

/** Name of the file that says what a checkpoint holds, for those that are to be read. */
function expectationOf(name: string): string {
  return name.replace(/\.pth$/, ".expected.safetensors");
}

/** A source that counts what is read of it. */
function counted(bytes: Uint8Array): ByteSource & { read: ByteSource["read"]; taken: number } {
  const source = {
    length: bytes.length,
    taken: 0,
    read(begin: number, end: number, into?: Uint8Array): Uint8Array {
      source.taken += end - begin;
      const target = into?.subarray(0, end - begin) ?? new Uint8Array(end - begin);
      target.set(bytes.subarray(begin, end));
      return target;
    },
  };
  return source;
}

Deno.test("byteSource() and sliceSource() read memory without a copy", () => {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => i);
  const part = sliceSource(byteSource(bytes), 3, 8);
  assertEquals([part.length, ...part.read(1, 4)], [5, 4, 5, 6]);
  assertEquals(part.read(1, 4).buffer, bytes.buffer);
});

Deno.test("openCheckpoint() gives the same numbers from a disk as from memory, in every format", async () => {
  using files = new OpenFiles(await openFileSystem());
  const names = [...Deno.readDirSync(goldens)].map(({ name }) => name);
  const good = names.filter((name) => /\.(pth|safetensors)$/.test(name) && names.includes(expectationOf(name)));
  assert(good.length >= 26);
  const scratch = new Float32Array(100_000);
  for (const name of good) {
    const url = new URL(name, goldens);
    const memory = await openCheckpoint([{ name, bytes: Deno.readFileSync(url) }]);
    const disk = await openCheckpoint([{ name, bytes: files.open(url) }]);
    assertEquals([...disk.tensors.keys()], [...memory.tensors.keys()]);
    for (const [key, tensor] of memory.tensors) {
      const expected = [...tensor.toFloat32()];
      assertEquals([...disk.tensors.get(key)!.toFloat32()], expected);
      assertEquals([...disk.tensors.get(key)!.toFloat32(scratch)], expected);
    }
  }
});

Deno.test("openCheckpoint() refuses from a disk what it refuses from memory, a damaged tensor when it is read", async () => {
  using files = new OpenFiles(await openFileSystem());
  const names = [...Deno.readDirSync(goldens)].map(({ name }) => name).filter((name) => name.endsWith(".pth"));
  const message = async (work: () => Promise<unknown>): Promise<string | undefined> => {
    try {
      await work();
      return undefined;
    } catch (error) {
      assert(error instanceof WeightError);
      return error.message;
    }
  };
  for (const name of names) {
    const url = new URL(name, goldens);
    const memory = await message(() => openCheckpoint([{ name, bytes: Deno.readFileSync(url) }]));
    const disk = await message(async () => {
      const { tensors } = await openCheckpoint([{ name, bytes: files.open(url) }]);
      if (name === "bad-crc-zip.pth") { for (const tensor of tensors.values()) tensor.toFloat32(); }
    });
    assertEquals(disk, memory);
  }
});

Deno.test("openCheckpoint() reads of a source only the tensors that are asked for", async () => {
  const large = { shape: [50_000], values: new Float32Array(50_000).fill(2) };
  const small = { shape: [3], values: Float32Array.of(1, 2, 3) };
  const source = counted(writeSafetensors(new Map([["large", large], ["small", small]])));
  const { tensors } = await openCheckpoint([{ name: "x", bytes: source }]);
  const scratch = new Float32Array(10);
  const values = tensors.get("small")!.toFloat32(scratch);
  assertEquals([[...values], values.buffer === scratch.buffer], [[1, 2, 3], true]);
  assert(source.taken < 2000);
});

Deno.test("OpenFiles notices a file that became shorter, and refuses folders", async () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, new Uint8Array(100));
    using files = new OpenFiles(await openFileSystem());
    const source = files.open(path);
    assertEquals([source.length, source.read(90, 100).length], [100, 10]);
    Deno.truncateSync(path, 50);
    assertThrows(() => source.read(40, 60), RangeError, "Cannot read bytes 40 to 60: the file has become shorter");
    assertThrows(() => files.open(goldens), TypeError, "it is a folder");
  } finally {
    Deno.removeSync(path);
  }
});
