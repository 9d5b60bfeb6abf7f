import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { ConfigError } from "../../../core/errors.ts";
import type { HostEncoder } from "../../../core/encoder.ts";
import { createTransformersEncoder, type TransformersEncoderOptions } from "../../../encoders/transformers.ts";
import { createRegistry } from "../../../plugins/mod.ts";
import { checkEncoder } from "../../conformance/mod.ts";
import { largestDifference, seededValues } from "../../unit/seeded_run.ts";
import { C, N, patchFeatures, patchModel, S } from "./onnx_models.ts";

const pixels = seededValues("pixels", 3 * S * S);
const processor = {
  image_processor_type: "ViTImageProcessor",
  size: { height: S, width: S },
  image_mean: [0.1, 0.2, 0.3],
  image_std: [0.4, 0.5, 0.6],
  resample: 3,
};
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const files: Record<string, Uint8Array<ArrayBuffer>> = {
  "config.json": json({ model_type: "vit", image_size: S, hidden_size: C }),
  "preprocessor_config.json": json(processor),
  "onnx/model.onnx": patchModel({ open: true, classToken: true }),
};

/** Reads from a folder in memory. */
function folder(changes: Record<string, Uint8Array<ArrayBuffer> | undefined> = {}) {
  const all = { ...files, ...changes };
  return (path: string): Promise<Uint8Array<ArrayBuffer>> => {
    const file = all[path];
    return file === undefined
      ? Promise.reject(new Error(`Cannot read "${path}": no such file`))
      : Promise.resolve(file);
  };
}

const create = (options: Partial<TransformersEncoderOptions> = {}) =>
  createTransformersEncoder({ model: "vit", readFile: folder(), dropFirst: 1, ...options });

function near(a: Float32Array, b: Float32Array): void {
  const difference = largestDifference(a, b);
  assert(difference <= 1e-5, `off by ${difference}`);
}

Deno.test("createTransformersEncoder() gives the features of the model in a folder within 1e-5", async () => {
  await using encoder = await create();
  assertEquals(encoder.name, "vit");
  assertEquals(encoder.output, { tokens: N, width: C });
  const { image_mean: mean, image_std: std } = processor;
  assertEquals<unknown>(encoder.pixels, { size: S, mean, std, fit: "stretch", filter: "bicubic" });
  near(await encoder.run(pixels), patchFeatures(pixels));
});

Deno.test("checkEncoder() accepts createTransformersEncoder()", async () => {
  await using encoder = await create();
  await checkEncoder(encoder, createReferenceBackend());
});

Deno.test("createTransformersEncoder() lets options go before what the model's files say", async () => {
  const given = { size: 12, mean: [0, 0, 0], std: [1, 1, 1], fit: "crop", filter: "bilinear" } as const;
  await using encoder = await create(given);
  assertEquals(encoder.pixels, given);
  assertEquals(encoder.output, { tokens: 9, width: C });
  const bare = folder({ "preprocessor_config.json": undefined });
  await using other = await create({ ...given, readFile: bare });
  assertEquals(other.pixels, given);
});

Deno.test("createTransformersEncoder() takes another output, a map, and another of the model's files", async () => {
  const readFile = folder({ "onnx/model.onnx": undefined, "onnx/model_quantized.onnx": patchModel({ map: true }) });
  await using encoder = await create({ readFile, dtype: "q8", dropFirst: 0 });
  assertEquals(encoder.output, { tokens: N, width: C });
  near(await encoder.run(pixels), patchFeatures(pixels));
});

Deno.test("createTransformersEncoder() loads two models at once and gives the library's settings back", async () => {
  const specifier = ["npm:", "@huggingface/transformers@4.3.1"].join("");
  const { env } = await import(specifier) as { env: { useCustomCache: boolean; customCache: unknown } };
  const larger = { ...processor, size: { height: 12, width: 12 } };
  const [first, second] = await Promise.all([
    create(),
    create({ model: "larger", readFile: folder({ "preprocessor_config.json": json(larger) }) }),
  ]);
  await using _first = first;
  await using _second = second;
  assertEquals([first.pixels.size, second.pixels.size], [S, 12]);
  assertEquals([env.useCustomCache, env.customCache], [false, null]);
});

Deno.test("createTransformersEncoder() names what is wrong with a model", async () => {
  const refused = async (options: Partial<TransformersEncoderOptions>) =>
    (await assertRejects(() => create(options), ConfigError)).message;
  const missing = (path: string) => refused({ readFile: folder({ [path]: undefined }) });
  const load = `Cannot load transformers model "vit"`;
  assertEquals(await missing("config.json"), `${load}: Cannot read "config.json": no such file`);
  assertEquals(await missing("onnx/model.onnx"), `${load}: Cannot read "onnx/model.onnx": no such file`);
  assertEquals(
    await missing("preprocessor_config.json"),
    `Cannot tell the pixels of transformers model "vit": its files do not say image_size, image_mean, image_std, so give them`,
  );
  const damaged = { "onnx/model.onnx": new Uint8Array(9), "preprocessor_config.json": undefined };
  assertMatch(await refused({ readFile: folder(damaged) }), /^Cannot load transformers model "vit": .*protobuf/);
  assertEquals(await refused({ modelClass: "VitModel" }), `${load}: transformers.js has no class "VitModel"`);
  assertEquals(
    await refused({ output: "image_embeds" }),
    `Cannot find output "image_embeds" of transformers model "vit" as float32: ` +
      `there are "pooled" float32 [1, 6], "last_hidden_state" float32 [1, 5, 6]`,
  );
  assertStringIncludes(await refused({ output: "pooled" }), `output "pooled" of transformers model "vit": [1, 6]`);
});

Deno.test("createTransformersEncoder() refuses pixels of another size, and everything once it is disposed of", async () => {
  const encoder = await create();
  await assertRejects(() => encoder.run(new Float32Array(5)), RangeError, "expected [3, 8, 8]");
  await encoder[Symbol.asyncDispose]();
  await encoder[Symbol.asyncDispose]();
  await assertRejects(() => encoder.run(pixels), TypeError, "is disposed of");
});

Deno.test("the transformers plugin reads a folder through the context and passes its options on", async () => {
  const read = new Set<string>();
  const [readFile, notices] = [folder(), [] as string[]];
  const context = {
    readFile: (path: string) => (read.add(path), readFile(path.replace("./models/vit/", ""))),
    notice: (message: string) => void notices.push(message),
  };
  const plugin = await createRegistry().resolve("encoder", "transformers", { base: "file:///" });
  const options = plugin.parseOptions({
    model: "./models/vit/",
    image_mean: [0, 0, 0],
    filter: "bilinear",
    drop_first: 1,
  });
  await using encoder = await plugin.create(options, context) as HostEncoder;
  assertEquals([...read].sort(), Object.keys(files).sort().map((path) => `./models/vit/${path}`));
  assertEquals<unknown>([encoder.pixels.mean, encoder.pixels.std], [[0, 0, 0], processor.image_std]);
  assertEquals(encoder.pixels.filter, "bilinear");
  assertEquals(notices, []);
  near(await encoder.run(pixels), patchFeatures(pixels));
});
