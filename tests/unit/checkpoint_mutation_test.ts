import { assert, assertEquals } from "@std/assert";
import { elementCount } from "../../core/graph/tensor.ts";
import { uniform } from "../../core/sampling.ts";
import { type Checkpoint, openCheckpoint } from "../../data/checkpoint.ts";
import { WeightError } from "../../core/errors.ts";
import { latin1, storedZip } from "./stored_zip.ts";

const folder = new URL("../fixtures/goldens/pth/", import.meta.url);
const fixture = (name: string) => Deno.readFileSync(new URL(name, folder));

/** Draws whole numbers below a bound, the same ones for the same seed. */
function drawer(seed: number): (bound: number) => number {
  let drawn = 0;
  return (bound) => Math.floor(uniform(seed, drawn++) * bound);
}

/** Bytes that are often a limit, an opcode or a length. */
const telling = latin1("\x00\x01\x02\x7f\x80\xff(.}])btuesaQRcXKMJGhjqr\x85\x86\x87\x88\x89\x8a\x8c\x93\x94\x95PK");

/** One to four changes: bytes replaced, four bytes set to an extreme, a piece cut out, doubled, moved or cut off. */
function mutate(original: Uint8Array, draw: (bound: number) => number): Uint8Array {
  let bytes = original.slice();
  for (let changes = 1 + draw(4); changes > 0; changes--) {
    const at = draw(Math.max(1, bytes.length));
    const length = 1 + draw(draw(2) === 0 ? 8 : 200);
    const piece = bytes.slice(at, at + length);
    switch (draw(6)) {
      case 0:
        bytes[at] = draw(2) === 0 ? draw(256) : telling[draw(telling.length)]!;
        break;
      case 1:
        bytes.set(
          [[0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 127], [0, 0, 0, 128]][draw(4)]!.slice(0, piece.length),
          at,
        );
        break;
      case 2:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at + length));
        break;
      case 3:
        bytes = joined(bytes.subarray(0, at), piece, bytes.subarray(at));
        break;
      case 4:
        bytes = joined(bytes.subarray(0, at), piece.reverse(), bytes.subarray(at + length));
        break;
      case 5:
        if (draw(8) === 0) bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Opens a file; undefined for a clear refusal. Anything else than a WeightError is thrown on. */
async function open(bytes: Uint8Array): Promise<Checkpoint | undefined> {
  try {
    return await openCheckpoint([{ name: "mutated", bytes }]);
  } catch (error) {
    if (error instanceof WeightError && error.message.startsWith("Cannot open ")) return undefined;
    throw error;
  }
}

/** Every tensor has the numbers its shape says, and no more of them than the file can justify. */
function checkSound({ tensors }: Checkpoint, fileBytes: number): void {
  for (const tensor of tensors.values()) {
    const count = elementCount(tensor.shape);
    assert(count <= fileBytes + 2 ** 20);
    if (count < 2 ** 16) assertEquals(tensor.toFloat32().length, count);
  }
}

/** Mutates a file many times; counts what was read and what was refused. */
async function attack(
  original: Uint8Array,
  { seed, times }: { seed: number; times: number },
): Promise<{ read: number; refused: number }> {
  const counts = { read: 0, refused: 0 };
  for (let i = 0; i < times; i++) {
    const mutated = mutate(original, drawer(seed * 1_000_000 + i));
    const checkpoint = await open(mutated);
    if (checkpoint === undefined) counts.refused++;
    else {
      counts.read++;
      checkSound(checkpoint, mutated.length);
    }
  }
  return counts;
}

const targets: readonly (readonly [name: string, file: string])[] = [
  ["a zip checkpoint without checksums", "no-crc-zip.pth"],
  ["a zip checkpoint with checksums", "views-zip.pth"],
  ["a legacy checkpoint", "views-legacy.pth"],
  ["a safetensors file", "views-zip.expected.safetensors"],
];

for (const [i, [name, file]] of targets.entries()) {
  Deno.test(`openCheckpoint() reads or clearly refuses ${name} with seeded mutations`, async () => {
    const start = performance.now();
    const { read, refused } = await attack(fixture(file), { seed: i + 1, times: 1500 });
    assert(read > 0 && refused > 500, `${read} read, ${refused} refused`);
    assert(performance.now() - start < 15_000);
  });
}

Deno.test("openCheckpoint() reads or clearly refuses a pickle with seeded mutations", async () => {
  const storage = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const wrap = (pickle: Uint8Array) => storedZip({ "archive/data.pkl": pickle, "archive/data/0": storage });
  const size = (value: number) => `K${String.fromCharCode(value)}`;
  const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const persistent = `(${text("storage")}ctorch\nFloatStorage\n${text("0")}${text("cpu")}${size(4)}tQ`;
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${persistent}${size(0)}(${size(2)}${size(2)}t(${size(2)}${
    size(1)
  }t`;
  const pickle = latin1(
    `\x80\x02}q\0(${text("w")}${tensor}\x89ccollections\nOrderedDict\n)RtRq\x01${text("v")}h\x01u.`,
  );
  assertEquals([...(await open(wrap(pickle)))!.tensors.keys()], ["w", "v"]);
  let read = 0;
  for (let i = 0; i < 8000; i++) {
    const checkpoint = await open(wrap(mutate(pickle, drawer(i))));
    if (checkpoint === undefined) continue;
    read++;
    checkSound(checkpoint, pickle.length);
  }
  assert(read > 100 && read < 7900, `${read} read`);
});

Deno.test("openCheckpoint() reads or clearly refuses pickles of seeded random opcodes", async () => {
  const opcodes = [
    "}",
    "]",
    ")",
    "(",
    "N",
    "K\x01",
    "K\x03",
    "J\xff\xff\xff\xff",
    "X\x01\0\0\0a",
    "X\x01\0\0\0b",
    "U\x01c",
  ];
  opcodes.push(
    "q\0",
    "q\x01",
    "h\0",
    "h\x01",
    "t",
    "\x85",
    "\x86",
    "\x87",
    "a",
    "e",
    "s",
    "u",
    "b",
    "R",
    "Q",
    "\x94",
    ".",
  );
  opcodes.push(
    "ccollections\nOrderedDict\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch\nFloatStorage\n",
    "\x8a\x01\x05",
  );
  const storage = new Uint8Array(16);
  let read = 0;
  for (let i = 0; i < 8000; i++) {
    const draw = drawer(i + 0x1000000);
    const body = Array.from({ length: 1 + draw(draw(2) === 0 ? 5 : 40) }, () => opcodes[draw(opcodes.length)]!).join(
      "",
    );
    const pickle = latin1(`\x80\x02}X\x01\0\0\0w${body}${draw(2) === 0 ? "s." : "."}`);
    if (await open(storedZip({ "archive/data.pkl": pickle, "archive/data/0": storage })) !== undefined) read++;
  }
  assert(read > 20 && read < 4000, `${read} read`);
});
