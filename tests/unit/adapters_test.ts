import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseAdapter } from "../../cli/model_flags.ts";
import type { ModelConfig } from "../../core/config.ts";
import { ConfigError, WeightError } from "../../core/errors.ts";
import { formatLoad, type LoadedPart } from "../../data/load_summary.ts";
import type { LoraAdapter } from "../../data/lora_file.ts";
import { writeLora } from "../../data/lora_writer.ts";
import { writeSafetensors } from "../../data/safetensors_writer.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { TinyFolder } from "../e2e/tiny_model.ts";
import { seededValues } from "./seeded_run.ts";

const q = "model.layers.0.self_attn.q_proj";
const projector = "vision_proj.vision_proj.0";

/** An adapter of the tiny model. */
function adapterOf(layers: readonly string[], { width = 64 } = {}): LoraAdapter {
  const matrix = (name: string, shape: readonly [number, number]) => ({
    shape,
    toFloat32: () => seededValues(name, shape[0] * shape[1]),
  });
  return {
    rank: 2,
    alpha: 4,
    layers: new Map(
      layers.map((name) => [name, { a: matrix(`${name}.a`, [2, width]), b: matrix(`${name}.b`, [64, 2]) }]),
    ),
  };
}

/** Weights of a loaded model, the query's and the projector's of the first layer. */
async function weightsOf(
  config: ModelConfig,
  onLoaded?: (loaded: readonly LoadedPart[]) => void,
): Promise<Float32Array[]> {
  await using model = await loadModel({ backend: "reference", ...config }, { ...onLoaded && { onLoaded } });
  const { backend, weights } = model.parts;
  const read = async (name: string) => Float32Array.from(await backend.read(weights.get(`${name}.weight`)!));
  return [await read(q), await read(projector)];
}

/** The largest difference of `after` from `before + factor·(the adapter's change)`. */
function offBy(
  name: string,
  { before, after, factor }: { before: Float32Array; after: Float32Array; factor: number },
): number {
  const a = seededValues(`${name}.a`, 2 * 64), b = seededValues(`${name}.b`, 64 * 2);
  return Math.max(...after.map((value, at) => {
    const [o, i] = [Math.floor(at / 64), at % 64];
    const change = 2 * (b[2 * o]! * a[i]! + b[2 * o + 1]! * a[64 + i]!);
    return Math.abs(value - before[at]! - factor * change);
  }));
}

Deno.test("loadModel() adds adapters to the weights, by file, by scale and several of them, within 1e-6", async () => {
  await using folder = await TinyFolder.create();
  const [one, two] = [`${folder.path}/one.safetensors`, `${folder.path}/two.safetensors`];
  await Deno.writeFile(one, writeLora(adapterOf([q])));
  await Deno.writeFile(two, writeLora(adapterOf([q, projector])));
  for (const model of [folder.model, "random"]) {
    const plain = await weightsOf({ model });
    const check = async (lora: ModelConfig["lora"], factors: readonly [number, number]) => {
      const weights = await weightsOf({ model, lora });
      for (const [i, name] of [q, projector].entries()) {
        const off = offBy(name, { before: plain[i]!, after: weights[i]!, factor: factors[i]! });
        assert(off <= 1e-6, `${name} is off by ${off}`);
      }
    };
    await check(one, [1, 0]);
    await check({ file: two, scale: -0.5 }, [-0.5, -0.5]);
    await check([one, { file: two, scale: 0.25 }], [1.25, 0.25]);
    await check([], [0, 0]);
  }
});

Deno.test("loadModel() tells which weights an adapter was added to", async () => {
  await using folder = await TinyFolder.create();
  const lora = `${folder.path}/one.safetensors`;
  await Deno.writeFile(lora, writeLora(adapterOf([q])));
  const lines: string[] = [];
  await weightsOf({ model: folder.model, lora }, (loaded) => lines.push(formatLoad(loaded)));
  assert(lines[0]!.includes("of decoder from tiny with one.safetensors ("), lines[0]);
  assert(lines[0]!.includes("of encoder from tiny (encoder) ("), lines[0]);
});

Deno.test("loadModel() refuses an adapter of other layers or sizes, and what is none, naming file and reason", async () => {
  await using folder = await TinyFolder.create();
  const file = `${folder.path}/bad.safetensors`;
  const refused = async (bytes: Uint8Array, config: ModelConfig = {}) => {
    await Deno.writeFile(file, bytes);
    const error = await assertRejects(() => weightsOf({ model: folder.model, lora: file, ...config }), WeightError);
    return error.message.replaceAll(file, "FILE");
  };
  const other = "model.layers.7.self_attn.q_proj";
  assertEquals(
    await refused(writeLora(adapterOf([other]))),
    `Cannot use LoRA "FILE": "${other}": the model has no such layer`,
  );
  assertEquals(
    await refused(writeLora(adapterOf([q], { width: 32 }))),
    `Cannot use LoRA "FILE": "${q}": its matrices are [2, 32] and [64, 2], expected [2, 64] and [64, 2]`,
  );
  const model = writeSafetensors(new Map([["x.weight", { shape: [1], values: Float32Array.of(1) }]]));
  assertEquals(
    await refused(model),
    'Cannot use LoRA "FILE": "x.weight": it is not a matrix of an adapter, <layer>.lora.A.weight or B',
  );
  assertEquals(
    await assertRejects(() => weightsOf({ model: folder.model, lora: "none.safetensors" }), ConfigError).then((
      { message },
    ) => message),
    'Cannot read "none.safetensors": there is no such file',
  );
});

Deno.test("loadModel() of an adapter's folder takes its base and adds it; the folder's paths start from the folder", async () => {
  await using folder = await TinyFolder.create();
  const out = `${folder.path}/out`;
  await Deno.mkdir(out);
  await Deno.writeFile(`${out}/one.safetensors`, writeLora(adapterOf([q])));
  const write = (value: unknown) => Deno.writeTextFile(`${out}/adapter.json`, JSON.stringify(value));
  await write({ model: "../tiny", lora: "one.safetensors" });
  const [before] = await weightsOf({ model: folder.model });
  for (
    const [config, factor] of [
      [{ model: out }, 1],
      [{ model: out, lora: { file: `${out}/one.safetensors`, scale: 2 } }, 3],
    ] as const
  ) {
    const [after] = await weightsOf(config);
    assert(offBy(q, { before: before!, after: after!, factor }) <= 1e-6);
  }
  await write({ model: "random", lora: { file: "./one.safetensors", scale: 0.5 } });
  const [random] = await weightsOf({ model: "random" });
  assert(offBy(q, { before: random!, after: (await weightsOf({ model: out }))[0]!, factor: 0.5 }) <= 1e-6);

  const second = `${folder.path}/second`;
  await Deno.mkdir(second);
  await Deno.writeTextFile(
    `${second}/adapter.json`,
    JSON.stringify({ model: "../out", lora: "../out/one.safetensors" }),
  );
  assert(offBy(q, { before: random!, after: (await weightsOf({ model: second }))[0]!, factor: 1.5 }) <= 1e-6);

  const refused = async () => (await assertRejects(() => weightsOf({ model: out }), ConfigError)).message;
  await write({ model: "../second", lora: "one.safetensors" });
  assertStringIncludes(await refused(), `Cannot find model "${out}": "file://`);
  assertStringIncludes(await refused(), `" is its own base`);
  await write({ model: "random" });
  assertEquals(
    await refused(),
    `Cannot read "adapter.json" of "${out}": it must have model and lora, and nothing else`,
  );
  await Deno.writeTextFile(`${out}/adapter.json`, "{");
  assertEquals(await refused(), `Cannot read "adapter.json" of "${out}": it is not JSON`);
});

Deno.test("loadModel() of an adapter alone says that it needs its base", async () => {
  await using folder = await TinyFolder.create();
  const file = `${folder.path}/one.safetensors`;
  await Deno.writeFile(file, writeLora(adapterOf([q])));
  const error = await assertRejects(() => weightsOf({ model: file }), ConfigError);
  assertEquals(
    error.message,
    'Cannot load "one.safetensors": it is a LoRA adapter; name its base, and the adapter as lora',
  );
});

Deno.test("parseAdapter() reads FILE and FILE:SCALE", () => {
  assertEquals(parseAdapter("a/b.safetensors"), { file: "a/b.safetensors" });
  assertEquals(parseAdapter("hf:o/r/b.safetensors:-0.5"), { file: "hf:o/r/b.safetensors", scale: -0.5 });
  assertEquals(parseAdapter("C:\\b.pth:1e-1"), { file: "C:\\b.pth", scale: 0.1 });
  assertEquals(parseAdapter("https://host:8080/b.pth"), { file: "https://host:8080/b.pth" });
});
