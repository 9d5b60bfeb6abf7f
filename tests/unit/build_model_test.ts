import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ModelConfig } from "../../core/config.ts";
import type { GraphEncoder, HostEncoder, VisionEncoder } from "../../core/encoder.ts";
import { ConfigError } from "../../core/errors.ts";
import type { VisionLanguageModel } from "../../core/model.ts";
import type { Plugin, PluginContext } from "../../core/plugin.ts";
import type { Projector } from "../../core/projector.ts";
import { createClip } from "../../encoders/clip.ts";
import { buildModel } from "../../plugins/build_model.ts";
import { checkJoints } from "../../plugins/check_joints.ts";
import clip from "../../plugins/clip.ts";
import { createRegistry } from "../../plugins/mod.ts";

const base = "file:///models/minimind.json";
const sizes = { num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 16 };
const config: ModelConfig = {
  encoder: { use: "clip", options: { ...sizes, image_size: 8, patch_size: 4 } },
  projector: "linear",
  decoder: { use: "minimind", options: { ...sizes, generation: 2, vocab_size: 40 } },
  placeholder: { token: "@", match: "exact" },
};
const context: PluginContext = { readFile: (path) => Promise.reject(new Error(path)), notice: () => {} };
const ids: Record<string, number> = { "@": 34, "<|image_pad|>": 12, "<|far|>": 50 };

const build = (changes: Partial<ModelConfig> = {}) =>
  buildModel({ ...config, ...changes }, { registry: createRegistry(), base, context, tokenId: (token) => ids[token] });
const refused = async (changes: Partial<ModelConfig>) =>
  (await assertRejects(() => build(changes), ConfigError)).message;

/** A plugin object that makes this encoder. */
const encoderPlugin = (create: () => VisionEncoder): Plugin<"encoder"> => ({
  contract: 1,
  kind: "encoder",
  name: "own",
  summary: "made in a test",
  parseOptions: (input) => input,
  create,
});
const small = createClip(
  clip.parseOptions({ ...sizes, image_size: 8, patch_size: 4 }) as Parameters<typeof createClip>[0],
);

/** An encoder outside the graph, and how often it was disposed of. */
function hostEncoder(): { encoder: HostEncoder; disposals: () => number } {
  let count = 0;
  const { name, pixels, output } = small;
  const encoder: HostEncoder = {
    name,
    pixels,
    output,
    run: () => Promise.resolve(new Float32Array(32)),
    [Symbol.asyncDispose]: () => Promise.resolve(void count++),
  };
  return { encoder, disposals: () => count };
}

Deno.test("buildModel() makes the parts, the projector from its neighbours, and the placeholder's rule", async () => {
  const { model, plugins } = await build();
  assertEquals([model.encoder?.name, model.decoder.name], ["clip", "minimind-2"]);
  assertEquals(model.projector.input, { tokens: 4, width: 8 });
  assertEquals(model.projector.output, { tokens: 4, width: 8 });
  assertEquals(model.placeholder, { marker: 34, tokens: 4, match: "exact" });
  assertEquals(Object.values(plugins).map(({ name }) => name), ["clip", "linear", "minimind"]);
  const run = await build({ placeholder: { token: "<|image_pad|>" } });
  assertEquals(run.model.placeholder, { marker: 12, tokens: 4, match: "run" });
});

Deno.test("buildModel() takes plugin objects, and encoders outside the graph", async () => {
  const { encoder, disposals } = hostEncoder();
  const { model } = await build({ encoder: { use: encoderPlugin(() => encoder) } });
  assert(model.encoder === encoder);
  assertEquals(disposals(), 0);
});

Deno.test("buildModel() names the part that a config lacks, and a token that the tokenizer lacks", async () => {
  const without = (part: string) => `Cannot build a model: the config names no ${part}`;
  for (const part of ["encoder", "projector", "decoder", "placeholder"] as const) {
    assertEquals(await refused({ [part]: undefined }), without(part));
  }
  const unknown = `Cannot find placeholder "<img>": the tokenizer has no such token`;
  assertEquals(await refused({ placeholder: { token: "<img>" } }), unknown);
});

Deno.test("buildModel() checks every name and option before it makes a part", async () => {
  let made = 0;
  const encoder = { use: encoderPlugin(() => (made++, small)) };
  assertEquals(
    await refused({ encoder, projector: { use: "linear", options: { width: 5 } } }),
    `Cannot read "width" of "options of linear": there is no such option, there are none`,
  );
  await refused({ encoder, decoder: "minimind" });
  await refused({ encoder, projector: "lin" });
  assertEquals(made, 0);
  await build({ encoder });
  assertEquals(made, 1);
});

Deno.test("buildModel() names neighbours that do not fit, and disposes of an encoder outside the graph", async () => {
  const { encoder, disposals } = hostEncoder();
  const fixed: Plugin<"projector"> = {
    contract: 1,
    kind: "projector",
    name: "fixed",
    summary: "for one encoder only",
    parseOptions: () => undefined,
    create: (_options, { width }): Projector => ({
      input: { tokens: 196, width: 768 },
      output: { tokens: 196, width },
      project: (_graph, features) => features,
    }),
  };
  assertEquals(
    await refused({ encoder: { use: encoderPlugin(() => encoder) }, projector: { use: fixed } }),
    `Cannot join encoder "clip" and projector: 4 features of width 8, expected 196 features of width 768`,
  );
  assertEquals(disposals(), 1);
  assertEquals(
    await refused({ placeholder: { token: "<|far|>" } }),
    `Cannot join placeholder and decoder "minimind-2": marker 50 of 40 ids`,
  );
});

Deno.test("checkJoints() blames the part whose graph is not what it declares", async () => {
  const { model } = await build();
  const refused = (changes: Partial<VisionLanguageModel>) =>
    assertThrows(() => checkJoints({ ...model, ...changes }), ConfigError).message;
  const wide = { ...small, output: { tokens: 4, width: 9 } };
  assertEquals(refused({ encoder: wide }), `Cannot join encoder "clip": it gives [1, 4, 8], not [1, 4, 9]`);
  const short: Projector = {
    ...model.projector,
    project: (graph, x) => graph.slice(model.projector.project(graph, x), 0, 3),
  };
  assertEquals(refused({ projector: short }), `Cannot join projector: it gives [1, 3, 8], not [1, 4, 8]`);
  const broken: GraphEncoder = { ...small, encode: (graph, pixels) => graph.slice(pixels, 0, 1) };
  assertEquals(
    refused({ encoder: broken }),
    `Cannot join encoder "clip": Cannot add "slice": x "pixels" is f32 [1, 3, 8, 8], expected f32 [B, N, D]`,
  );
});

Deno.test("checkJoints() refuses two parts that would share a weight by accident", async () => {
  const { model } = await build();
  const encoder: GraphEncoder = {
    ...small,
    encode(graph, pixels) {
      return graph.rmsNorm(small.encode(graph, pixels), graph.parameter("model.norm.weight", [8]), 1e-5);
    },
  };
  const message = assertThrows(() => checkJoints({ ...model, encoder }), ConfigError).message;
  const both = `both have a parameter "model.norm.weight"`;
  assertEquals(message, `Cannot join encoder "clip" and decoder "minimind-2": ${both}`);
});
