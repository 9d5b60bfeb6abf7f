import { assertEquals, assertNotEquals } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { bindWeights } from "../../core/weights.ts";
import { Graph } from "../../core/graph/graph.ts";
import { planGraph } from "../../core/graph/plan.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { encoderId } from "../../trainers/encoder_id.ts";
import { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import { seededWeight } from "./seeded_run.ts";

/** The id of a tiny CLIP whose heads, first weight and name may be others. */
async function clipId({ heads = 2, shift = 0 }: { heads?: number; shift?: number } = {}): Promise<string> {
  const encoder = createClip(parseClipOptions({
    image_size: 16,
    patch_size: 8,
    hidden_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: heads,
    intermediate_size: 16,
  }));
  const graph = new Graph();
  graph.output("features", encoder.encode(graph, graph.input("pixels", "f32", [1, 3, 16, 16])));
  const plan = planGraph(graph);
  const parameters = [...plan.storages.values()].filter(({ role }) => role === "parameter");
  const source = new Map(parameters.map((tensor, i) => {
    const values = seededWeight(tensor);
    if (i === 0) values[0]! += shift;
    return [tensor.name, { shape: tensor.shape, toFloat32: () => values }];
  }));
  await using backend = createReferenceBackend();
  const weights = bindWeights(backend, [plan], { sources: [source] });
  using features = new FeatureEncoder(backend, encoder, { weights });
  return await encoderId({ encoder, features, weights, backend });
}

Deno.test("encoderId() is the same for the same encoder, another for other weights or options", async () => {
  const id = await clipId();
  assertEquals(await clipId(), id);
  assertNotEquals(await clipId({ heads: 4 }), id);
  assertNotEquals(await clipId({ shift: 1e-6 }), id);
});

Deno.test("encoderId() of an encoder of another runtime depends on every bit of its features", async () => {
  const idOf = async (value: number) => {
    await using backend = createReferenceBackend();
    const encoder = {
      name: "host",
      pixels: { size: 2, mean: [0, 0, 0], std: [1, 1, 1] },
      output: { tokens: 1, width: 2 },
      run: (pixels: Float32Array) => Promise.resolve(Float32Array.of(pixels[0]!, value)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    } as const;
    using encoding = new FeatureEncoder(backend, encoder, { weights: new Map() });
    return await encoderId({ encoder, features: encoding, weights: new Map(), backend });
  };
  assertEquals(await idOf(1), await idOf(1));
  assertNotEquals(await idOf(1), await idOf(1 + 2 ** -23));
});
