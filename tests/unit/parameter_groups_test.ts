import { assert, assertEquals, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { ConfigError } from "../../core/errors.ts";
import { Graph } from "../../core/graph/graph.ts";
import { groupParameters } from "../../trainers/parameter_groups.ts";
import { bitsOf, seededBatch, tinyStep } from "./tiny_training.ts";

const graph = new Graph();
const parameters = ["a.weight", "a.norm", "b.weight", "b.norm"].map((name) => graph.parameter(name, [2]));

Deno.test("groupParameters() makes one group of parameters without rules", () => {
  const [only, ...others] = groupParameters(parameters, []);
  assertEquals([only!.parameters, only!.rate, only!.weightDecay, others], [parameters, 1, undefined, []]);
});

Deno.test("groupParameters() takes of each number what the first rule says that names a parameter", () => {
  const groups = groupParameters(parameters, [
    { pattern: "*.norm", weightDecay: 0 },
    { pattern: "a.*", rate: 10, weightDecay: 0.5 },
    { pattern: "*", rate: 2 },
  ]);
  const shown = groups.map(({ name, parameters, rate, weightDecay }) => ({
    name,
    parameters: parameters.map(({ name }) => name),
    rate,
    weightDecay,
  }));
  assertEquals(shown, [
    { name: "0", parameters: ["a.weight"], rate: 10, weightDecay: 0.5 },
    { name: "1", parameters: ["a.norm"], rate: 10, weightDecay: 0 },
    { name: "2", parameters: ["b.weight"], rate: 2, weightDecay: undefined },
    { name: "3", parameters: ["b.norm"], rate: 2, weightDecay: 0 },
  ]);
});

Deno.test("groupParameters() refuses a rule that names nothing that is trained, or has a number that cannot be", () => {
  const refusal = (rule: Parameters<typeof groupParameters>[1][number]) =>
    assertThrows(() => groupParameters(parameters, [rule]), ConfigError).message;
  assertEquals(refusal({ pattern: "c.*" }), 'Cannot group "c.*": no parameter that is trained has such a name');
  assertEquals(refusal({ pattern: "a.*", rate: -1 }), `Cannot group "a.*": its learning rate is -1 times the run's`);
  assertEquals(refusal({ pattern: "a.*", weightDecay: NaN }), 'Cannot group "a.*": its weight decay is NaN');
});

Deno.test("TrainStep moves a group as a step of its own rate does, others as before, and a group of rate 0 not at all", async () => {
  await using backend = createReferenceBackend();
  const rules = [
    { pattern: "vision_proj.*", rate: 10, weightDecay: 0 },
    { pattern: "model.norm.weight", rate: 0 },
    { pattern: "*norm.weight", weightDecay: 0.3 },
  ];
  const rate = 2 ** -10;
  const grouped = tinyStep(backend, { rules });
  const plain = tinyStep(backend);
  const fast = tinyStep(backend, { adamw: { weightDecay: 0 } });
  const decayed = tinyStep(backend, { adamw: { weightDecay: 0.3 } });
  using _grouped = grouped.step, _plain = plain.step, _fast = fast.step, _decayed = decayed.step;
  const before = await bitsOf(backend, grouped.weights);
  for (const { step } of [grouped, plain, fast, decayed]) await step.backward(seededBatch("a"));
  const updates = [await grouped.step.update(rate), await plain.step.update(rate)];
  assert(Math.abs(updates[0]!.norm / updates[1]!.norm - 1) < 1e-6);
  await fast.step.update(10 * rate);
  await decayed.step.update(rate);
  for (const [name, values] of grouped.weights) {
    const alike = name.startsWith("vision_proj.") ? fast : name.endsWith("norm.weight") ? decayed : plain;
    const [own, other] = [await backend.read(values), await backend.read(alike.weights.get(name)!)];
    if (name === "model.norm.weight") {
      assertEquals((await bitsOf(backend, grouped.weights)).get(name), before.get(name));
    } // The norm of all is added up in another order, so that clipping differs in its last bits.
    else assertEquals([...own].filter((value, i) => !(Math.abs(value - other[i]!) <= 1e-6)), [], name);
  }
});

Deno.test("TrainStep with groups allocates nothing on the wasm backend after the first step", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const { step } = tinyStep(backend, { rules: [{ pattern: "vision_proj.*", rate: 3 }] });
  using _ = step;
  let used: number | undefined;
  for (let i = 0; i < 5; i++) {
    await step.backward(seededBatch("a"));
    await step.update(1e-3);
    assertEquals(backend.usedBytes, used ??= backend.usedBytes);
  }
});
