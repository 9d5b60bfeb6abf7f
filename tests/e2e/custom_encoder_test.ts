import { assert, assertEquals, assertRejects } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { parseConfig, partOf } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import { type GraphEncoder, isGraphEncoder } from "../../core/encoder.ts";
import { Graph } from "../../core/graph/mod.ts";
import plugin from "../../examples/custom_encoder/my_encoder.ts";
import example from "../../examples/custom_encoder/minimind.json" with { type: "json" };
import { buildModel, createRegistry } from "../../plugins/mod.ts";
import { checkEncoder, checkPlugin, checkProjector } from "../conformance/mod.ts";
import { largestDifference, SeededRun, seededValues } from "../unit/seeded_run.ts";

const base = new URL("../../examples/custom_encoder/minimind.json", import.meta.url);
const config = parseConfig(example, "minimind.json");
const registry = createRegistry();
const context = { readFile: () => Promise.reject(new Error("there is nothing to read")), notice: () => {} };
const build = (changes: Record<string, unknown> = {}) =>
  buildModel(parseConfig({ ...config, ...changes }), { registry, base, context, tokenId: () => 12 });

Deno.test("the custom encoder's config names a module that makes an encoder its neighbours fit", async () => {
  const { model, plugins } = await build();
  assert(plugins.encoder === plugin);
  const { encoder, projector, decoder, placeholder } = model;
  assertEquals(encoder?.name, "my_encoder");
  assertEquals(encoder?.output, { tokens: 4, width: 24 });
  assertEquals(projector.input, encoder?.output);
  assertEquals(projector.output, { tokens: 4, width: decoder.width });
  assertEquals(placeholder, { marker: 12, tokens: 4, match: "run" });
});

Deno.test("checkPlugin(), checkEncoder() and checkProjector() accept the custom encoder and its neighbour", async () => {
  checkPlugin(plugin, { wrong: [{ size: 30 }, { width: "24" }] });
  const { model } = await build();
  await checkEncoder(model.encoder!, createReferenceBackend());
  await checkProjector(model.projector, createReferenceBackend());
});

Deno.test("the custom encoder can learn the average colour of a patch, within 1e-6", async () => {
  const options = plugin.parseOptions({ size: 32, patch: 16, width: 3 });
  const encoder = await plugin.create(options, context) as GraphEncoder;
  assert(isGraphEncoder(encoder));
  const graph = new Graph();
  graph.output("features", encoder.encode(graph, graph.input("pixels", "f32", [1, 3, 32, 32])));
  const average = ({ name, shape }: { name: string; shape: readonly number[] }) =>
    Float32Array.from({ length: shape.reduce((product, extent) => product * extent) }, (_, i) => {
      const [channel, k] = [Math.floor(i / (3 * 256)), i % (3 * 256)];
      return name === "my_encoder.weight" && Math.floor(k / 256) === channel ? 1 / 256 : 0;
    });
  const pixels = seededValues("photo", 3 * 32 * 32);
  const { features } = await new SeededRun(average).once(graph, { pixels });
  const expected = [0, 1, 2, 3].flatMap((n) =>
    [0, 1, 2].map((channel) => {
      let sum = 0;
      for (let y = 0; y < 16; y++) {
        for (let x = 0; x < 16; x++) {
          sum += pixels[(channel * 32 + 16 * Math.floor(n / 2) + y) * 32 + 16 * (n % 2) + x]!;
        }
      }
      return sum / 256;
    })
  );
  assert(largestDifference(features!, expected) <= 1e-6);
});

Deno.test("the custom encoder's options are checked before anything is made", async () => {
  const { use } = partOf(config.encoder!);
  const error = await assertRejects(() => build({ encoder: { use, options: { size: 30 } } }), ConfigError);
  assertEquals(
    error.message,
    `Cannot read "patch" of "options of my_encoder": 16 does not divide an image of 30`,
  );
});

Deno.test("the custom encoder stays the 30 lines of code that its README counts, give or take two", async () => {
  const text = await Deno.readTextFile(new URL("my_encoder.ts", base));
  const lines = text.split("\n").filter((line) => !/^\s*($|\/\*|\*|\/\/)/.test(line));
  assert(Math.abs(lines.length - 30) <= 2, `${lines.length} lines`);
});
