import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { WeightError } from "../../core/errors.ts";
import { Graph, type Plan, planGraph } from "../../core/graph/mod.ts";
import { type BindOptions, bindWeights, parameterOrigins, type SourceTensor } from "../../core/weights.ts";

/** A tensor counting up from `first`. */
function counting(shape: number[], first = 0): SourceTensor {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return { shape, toFloat32: () => Float32Array.from({ length: count }, (_, i) => first + i) };
}

/** ids → rows of "embed.weight" [4,2] → "vision_model.proj.weight" [2,2] + a constant, with a counter. */
function smallPlan(): Plan {
  const graph = new Graph();
  const ids = graph.input("ids", "i32", [1, 3]);
  const rows = graph.embedding(ids, graph.matrix("embed.weight", [4, 2]));
  const y = graph.linear(rows, graph.matrix("vision_model.proj.weight", [2, 2]));
  graph.output("y", graph.add(y, graph.constant("shift", new Float32Array([5, 6]), [2])));
  graph.advance(graph.state("position", "i32", [1]), 3);
  return planGraph(graph);
}

const complete = () => new Map([["embed.weight", counting([4, 2])], ["vision_model.proj.weight", counting([2, 2], 1)]]);

const bind = (options: BindOptions) => bindWeights(createReferenceBackend(), [smallPlan(), smallPlan()], options);

const refused = (options: BindOptions) => assertThrows(() => bind(options), WeightError).message;

Deno.test("bindWeights() allocates parameters, constants and zeroed states once for all plans", async () => {
  await using backend = createReferenceBackend();
  const storages = bindWeights(backend, [smallPlan(), smallPlan()], { sources: [complete()] });
  assertEquals([...storages.keys()].sort(), ["embed.weight", "position", "shift", "vision_model.proj.weight"]);
  assertEquals([...await backend.read(storages.get("embed.weight")!)], [0, 1, 2, 3, 4, 5, 6, 7]);
  assertEquals([...await backend.read(storages.get("shift")!)], [5, 6]);
  assertEquals([...await backend.read(storages.get("position")!)], [0]);
});

Deno.test("bindWeights() lists all missing, unexpected and mis-shaped tensors in one error", () => {
  const message = refused({
    sources: [new Map([["vision_model.proj.weight", counting([4])], ["other", counting([1])]])],
  });
  assertStringIncludes(message, `1 missing ("embed.weight" [4, 2])`);
  assertStringIncludes(message, `1 unexpected ("other" [1])`);
  assertStringIncludes(message, `1 misshapen ("vision_model.proj.weight" is [4], expected [2, 2])`);
});

Deno.test("bindWeights() cuts a long list and tells how much it cut", () => {
  const extra = Array.from({ length: 20 }, (_, i) => [`extra.${i}`, counting([1])] as const);
  const message = refused({ sources: [complete(), new Map(extra)] });
  assertStringIncludes(message, `20 unexpected ("extra.0" [1]`);
  assertStringIncludes(message, `"extra.7" [1], and 12 more)`);
});

Deno.test("bindWeights() takes vision tensors with and without their prefix, and ignores by either name", () => {
  const sources = [
    new Map([["embed.weight", counting([4, 2])]]),
    new Map([["proj.weight", counting([2, 2])], ["head.bias", counting([9])]]),
  ];
  assertEquals(bind({ sources, ignores: [/^vision_model\.head\./] }).size, 4);
  assertStringIncludes(refused({ sources }), `1 unexpected ("head.bias" [9])`);
});

Deno.test("bindWeights() accepts either name of a tied pair, and both only if they agree bit for bit", () => {
  const tied = [["embed.weight", "head.weight"]] as const;
  const both = (second: SourceTensor) => ({ sources: [complete().set("head.weight", second)], tied });
  assertEquals(bind(both(counting([4, 2]))).size, 4);
  const aliased = complete().set("head.weight", counting([4, 2]));
  aliased.delete("embed.weight");
  assertEquals(bind({ sources: [aliased], tied }).size, 4);
  assertStringIncludes(refused(both(counting([4, 2], -0.5))), `"embed.weight" and "head.weight" are tied but differ`);
  assertStringIncludes(refused({ sources: [aliased] }), `1 missing ("embed.weight" [4, 2])`);
});

Deno.test("bindWeights() refuses a tensor that two sources hold", () => {
  assertStringIncludes(refused({ sources: [complete(), complete()] }), `"embed.weight" is there twice`);
});

Deno.test("bindWeights() lets parameters be missing only where a pattern allows it, and leaves them zero", async () => {
  await using backend = createReferenceBackend();
  const sources = [new Map([["embed.weight", counting([4, 2])]])];
  assertStringIncludes(refused({ sources }), `1 missing ("vision_model.proj.weight" [2, 2])`);
  for (const pattern of ["vision_model.*", "proj.weight"]) {
    const storages = bindWeights(backend, [smallPlan()], { sources, allowMissing: [pattern] });
    assertEquals([...await backend.read(storages.get("vision_model.proj.weight")!)], [0, 0, 0, 0]);
  }
  assertStringIncludes(refused({ sources, allowMissing: ["embed.*"] }), `1 missing ("vision_model.proj.weight"`);
  const odd = { sources: [complete()], allowMissing: ["vision_prj.*"] };
  assertStringIncludes(refused(odd), `no parameter is called "vision_prj.*"`);
});

Deno.test("parameterOrigins() names the source of every parameter, and none for what is missing", () => {
  const [language, vision] = [
    new Map([["embed.weight", counting([4, 2])]]),
    new Map([["proj.weight", counting([2, 2])]]),
  ];
  const origins = parameterOrigins([smallPlan()], { sources: [language, vision] });
  assertEquals(origins.map(({ name, shape }) => [name, shape]), [
    ["embed.weight", [4, 2]],
    ["vision_model.proj.weight", [2, 2]],
  ]);
  assertEquals(origins.map(({ source }) => source === language ? 1 : source === vision ? 2 : 0), [1, 2]);
  const partial = parameterOrigins([smallPlan()], { sources: [language], allowMissing: ["vision_model.*"] });
  assertEquals(partial.map(({ source }) => source === language), [true, false]);
});
