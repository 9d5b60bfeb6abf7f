import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import { countParameters, describeNearest, knownModels, nearestModel, shapesOf } from "../../data/known_models.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { inferModel } from "../../data/infer_model.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";

const shaped = (shapes: ReadonlyMap<string, readonly number[]>) =>
  new Map([...shapes].map(([name, shape]) => [name, { shape }]));

Deno.test("shapesOf() lists exactly the parameters that decoder and projector create, for every known model", () => {
  for (const [name, sizes] of Object.entries(knownModels)) {
    const shapes = shapesOf(sizes);
    const { config, known } = inferModel(shaped(shapes));
    assertEquals(known, name);
    const decoder = createMiniMind(parseMiniMindOptions(config));
    const create = sizes.projector!.kind === "linear" ? createLinearProjector : createMlpProjector;
    const projector = create({ input: { tokens: 4, width: sizes.projector!.featureWidth }, width: decoder.width });
    const plan = planParameters(
      createModel({ decoder, projector, placeholder: { marker: 0, tokens: 4, match: "run" } }),
    );
    const created = [...plan.storages.values()].filter(({ role }) => role === "parameter");
    assertEquals(
      created.map((tensor) => `${tensor.name} [${tensor.shape}]`).sort(),
      [...shapes].map(([tensor, shape]) => `${tensor} [${shape}]`).sort(),
    );
  }
});

Deno.test("knownModels have the parameter counts that upstream tells", () => {
  const counts = Object.entries(knownModels).map(([name, sizes]) => [name, countParameters(shapesOf(sizes))]);
  assertEquals(counts, [
    ["minimind2-small-v", 26_223_616],
    ["minimind2-v", 104_621_568],
    ["minimind2-moe-v", 145_521_920],
    ["minimind-3v", 65_094_912],
    ["minimind-3v-moe", 199_599_360],
  ]);
});

Deno.test("nearestModel() finds a model by its tensors, complete or not", () => {
  for (const [name, sizes] of Object.entries(knownModels)) {
    const shapes = new Map(shapesOf(sizes));
    assertEquals(nearestModel(shapes), { name, likeness: 1, differences: [] });
    for (const tensor of [...shapes.keys()].slice(-9)) shapes.delete(tensor);
    const nearest = nearestModel(shapes);
    assertEquals([nearest.name, nearest.differences.length], [name, 9]);
    assert(nearest.likeness > 0.8 && nearest.likeness < 1);
  }
});

Deno.test("describeNearest() names the model and the first differences", () => {
  const shapes = new Map(shapesOf(knownModels["minimind-3v"]!));
  assertEquals(describeNearest(shapes), `it has the tensors of "minimind-3v"`);
  shapes.delete("model.norm.weight");
  shapes.set("vision_proj.mlp.0.weight", [1024]);
  assertStringIncludes(
    describeNearest(shapes),
    `"minimind-3v", from which it differs in "vision_proj.mlp.0.weight" [1024] should be [768], ` +
      `"model.norm.weight" [768] is missing`,
  );
  assertEquals(describeNearest(new Map([["a", [1]]])), "it has no tensor in common with any known model");
});
