import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { type FreezePolicy, parseFreezePolicy, trainableParameters } from "../../trainers/freeze.ts";

/** Parameters of a model of eleven blocks; block 10 is the last one, though not in alphabetical order. */
const names = [
  "vision_model.embeddings.patch_embedding.weight",
  "vision_proj.mlp.1.weight",
  "model.embed_tokens.weight",
  ...Array.from({ length: 11 }, (_, i) => `model.layers.${i}.mlp.up_proj.weight`),
  "model.norm.weight",
  "lm_head.weight",
];

const block = (i: number): string => `model.layers.${i}.mlp.up_proj.weight`;
const projector = "vision_proj.mlp.1.weight";

const trained: readonly (readonly [policy: string, names: readonly string[]])[] = [
  ["pretrain", [projector]],
  ["freeze_llm 2", [projector]],
  ["projector+last", [projector, block(10)]],
  ["freeze_llm_1", [projector, block(0), block(10)]],
  ["sft", names.slice(1)],
  ["freeze_llm=0", names.slice(1)],
];

for (const [policy, expected] of trained) {
  Deno.test(`trainableParameters() of "${policy}" gives upstream's`, () => {
    assertEquals([...trainableParameters(parseFreezePolicy(policy), names)], expected);
  });
}

Deno.test("trainableParameters() of patterns gives exactly what they match, the encoder included", () => {
  const policy: FreezePolicy = ["vision_model.*", "*.1.mlp.*"];
  assertEquals([...trainableParameters(policy, names)], [names[0]!, block(1)]);
});

Deno.test("trainableParameters() of policies and patterns gives what any of them trains", () => {
  assertEquals([...trainableParameters(["decoder", "vision_model.*"], names)], names);
  assertEquals([...trainableParameters(["projector", "*.3.mlp.*"], names)], [projector, block(3)]);
});

Deno.test("trainableParameters() refuses a pattern that matches nothing", () => {
  const error = assertThrows(() => trainableParameters(["vision_proj.*", "vision_porj.*"], names), ConfigError);
  assertEquals(error.message, 'Cannot train "vision_porj.*": no parameter has such a name');
});

Deno.test("parseFreezePolicy() knows that freeze_llm 1 is the projector alone in generation 2, in lists too", () => {
  assertEquals(parseFreezePolicy("freeze_llm 1", { generation: 2 }), "projector");
  assertEquals(parseFreezePolicy(["freeze_llm 1", "vision_model.*"], { generation: 2 }), [
    "projector",
    "vision_model.*",
  ]);
  assertEquals(parseFreezePolicy(["sft", "lm_head.*"]), ["decoder", "lm_head.*"]);
});

Deno.test("parseFreezePolicy() lists the policies there are", () => {
  assertThrows(() => parseFreezePolicy("freeze_llm 2", { generation: 2 }), ConfigError, "freeze_llm 1, or a list");
  const error = assertThrows(() => parseFreezePolicy("freeze_llm 3"), ConfigError);
  assertEquals(
    error.message,
    'Cannot freeze by "freeze_llm 3": there are projector, projector+last, projector+ends, decoder, pretrain, sft, ' +
      "freeze_llm 0, freeze_llm 1, freeze_llm 2, or a list of patterns",
  );
});
