import { assert, assertEquals, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { ShapeError } from "../../core/errors.ts";
import type { Graph } from "../../core/graph/graph.ts";
import type { Call, KernelName } from "../../core/graph/kernels.ts";
import { planGraph } from "../../core/graph/plan.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { CaseGraph } from "../conformance/case.ts";
import { compareNumbers, loadCase } from "../conformance/check_backend.ts";
import { kernelNames } from "../conformance/kernel_cases.ts";
import { type BuiltCase, type DerivativeCase, derivativeCases, frozen } from "./derivative_cases.ts";
import { modelCases } from "./derivative_models.ts";
import { type Numbers, runUnplanned, type Values } from "./unplanned.ts";

const isTrainable = ({ name }: Tensor): boolean => !name.startsWith(frozen);

/** A case with the calls of its backward pass. */
function differentiate(test: DerivativeCase): BuiltCase {
  const built = test.build();
  built.c.graph.backward(built.loss, isTrainable);
  return built;
}

function trainableOf({ named }: Graph): Tensor[] {
  return [...named.values()].filter((tensor) => tensor.role === "parameter" && isTrainable(tensor));
}

/** d loss / d parameter by central differences in f64. */
function differences(test: DerivativeCase, parameter: Tensor): Float64Array {
  const { c, loss } = test.build();
  const step = 1e-5;
  const lossAt = (i: number, by: number) => {
    const moved = Float64Array.from(c.values.get(parameter.name)!);
    moved[i]! += by;
    const values: Values = new Map<string, ArrayLike<number>>(c.values).set(parameter.name, moved);
    return runUnplanned(c.graph, values, Float64Array)(loss)[0]!;
  };
  return Float64Array.from(c.values.get(parameter.name)!, (_, i) => (lossAt(i, step) - lossAt(i, -step)) / (2 * step));
}

for (const test of [...derivativeCases, ...modelCases]) {
  Deno.test(`backward() matches central differences for ${test.label} within 1e-7`, () => {
    const { c } = differentiate(test);
    const numbers = runUnplanned(c.graph, c.values, Float64Array);
    for (const parameter of trainableOf(c.graph)) {
      const gradient = Float64Array.from(numbers(c.graph.gradient(parameter)));
      const expected = differences(test, parameter);
      gradient.forEach((slope, i) => {
        const limit = 1e-7 * Math.max(1, Math.abs(expected[i]!));
        assert(Math.abs(slope - expected[i]!) <= limit, `${parameter.name}[${i}] is ${slope}, expected ${expected[i]}`);
      });
    }
  });
}

Deno.test("backward() appends every backward kernel of the table in some case", () => {
  const called = new Set(
    derivativeCases.flatMap((test) => differentiate(test).c.graph.calls.map(({ kernel }) => kernel)),
  );
  const wanted = kernelNames.filter((name) => /Backward/.test(name) || name === "accumulate");
  assertEquals(wanted.filter((name) => !called.has(name)), []);
});

Deno.test("planGraph() keeps every value that a backward call reads: planned gradients are the unplanned ones", async () => {
  const backend = createReferenceBackend();
  for (const test of [...derivativeCases, ...modelCases]) {
    const { c } = differentiate(test);
    const numbers = runUnplanned(c.graph, c.values, Float32Array);
    const gradients = trainableOf(c.graph).map((parameter) => c.graph.gradient(parameter));
    const expected = new Map<string, Numbers>(gradients.map((tensor) => [tensor.name, numbers(tensor)]));
    for (const { name } of gradients) c.values.set(name, new Float32Array(expected.get(name)!.length));
    using loaded = loadCase(planGraph(c.graph), { values: c.values, backend });
    loaded.program.run();
    for (const { name } of gradients) {
      assertEquals(await backend.read(loaded.storages.get(name)!), expected.get(name), `${name} of ${test.label}`);
    }
  }
});

Deno.test("backward() adds to the gradients of earlier runs", async () => {
  const { c } = differentiate(derivativeCases.find(({ label }) => label === "linear() with bias")!);
  const gradients = trainableOf(c.graph).map((parameter) => c.graph.gradient(parameter));
  for (const { name, shape } of gradients) c.values.set(name, new Float32Array(shape.reduce((a, b) => a * b)));
  const backend = createReferenceBackend();
  using loaded = loadCase(planGraph(c.graph), { values: c.values, backend });
  loaded.program.run();
  const once = await Promise.all(gradients.map(({ name }) => backend.read(loaded.storages.get(name)!)));
  loaded.program.run();
  for (const [i, { name }] of gradients.entries()) {
    const twice = await backend.read(loaded.storages.get(name)!);
    compareNumbers(twice, once[i]!.map((slope) => 2 * slope), { place: name, tolerance: 1e-6 });
  }
});

/** A stack of layers, each a weight and a norm, and its loss. */
function stack(depth: number): BuiltCase {
  const c = new CaseGraph();
  const { graph } = c;
  let x = c.input("x", [5, 7]);
  for (let i = 0; i < depth; i++) {
    const normed = graph.rmsNorm(x, c.parameter(`layer.${i}.norm`, [7]), 1e-6);
    x = graph.add(x, graph.gelu(graph.linear(normed, c.matrix(`layer.${i}.weight`, [7, 7])), "erf"));
  }
  const target = c.integers("target", [5], [0, 1, 2, 3, 4]);
  return { c, loss: graph.meanLoss(graph.crossEntropy(x, c.matrix("head", [11, 7]), target), target) };
}

/** Calls and states that backward() adds to a stack of which only some layers are trained. */
function added(depth: number, trainable: RegExp): { calls: Call[]; states: string[]; arenaBytes: number } {
  const { c: { graph }, loss } = stack(depth);
  const before = graph.calls.length;
  graph.backward(loss, ({ name }) => trainable.test(name));
  const states = [...graph.named.values()].filter(({ role }) => role === "state").map(({ name }) => name);
  return { calls: graph.calls.slice(before), states, arenaBytes: planGraph(graph).arenaBytes };
}

Deno.test("backward() makes no call and no memory for what lies below the lowest trainable parameter", () => {
  const kernels = (calls: Call[]) => calls.map(({ kernel }) => kernel);
  const shallow = added(1, /head/);
  assertEquals(
    kernels(shallow.calls),
    [
      "fill",
      "fill",
      "meanLossBackward",
      "crossEntropyBackward",
    ] satisfies KernelName[],
  );
  assertEquals(shallow.states, ["gradient.head"]);
  const deep = added(9, /head/);
  assertEquals(kernels(deep.calls), kernels(shallow.calls));
  assertEquals(deep.arenaBytes, added(8, /head/).arenaBytes);
});

Deno.test("backward() leaves out the gradients of frozen weights that it passes through", () => {
  const { calls, states } = added(3, /layer\.0/);
  assertEquals(states, ["gradient.layer.0.weight", "gradient.layer.0.norm"]);
  assertEquals(calls.filter(({ kernel }) => kernel === "linearBackwardWeight").length, 1);
  assertEquals(calls.filter(({ kernel }) => kernel === "linearBackwardInput").length, 2 + 1);
  for (const { kernel, outputs } of calls) {
    if (kernel === "crossEntropyBackward") assertEquals([!!outputs.dhidden, !!outputs.dweight], [true, false]);
  }
});

Deno.test("backward() leaves branches alone that the loss does not read", () => {
  const { c: { graph }, loss } = stack(2);
  graph.output("logits", graph.linear(graph.input("other", "f32", [1, 7]), graph.matrix("unread", [3, 7])));
  graph.takeRow(graph.input("rows", "f32", [1, 3, 7]), graph.input("index", "i32", [1]));
  graph.backward(loss);
  assert(!graph.named.has("gradient.unread"));
  assert(graph.named.has("gradient.head"));
});

/** Message of the ShapeError that backward() throws. */
function refusal(fill: (c: CaseGraph) => Tensor, trainable?: (tensor: Tensor) => boolean): string {
  const c = new CaseGraph();
  const loss = fill(c);
  return assertThrows(() => c.graph.backward(loss, trainable), ShapeError).message;
}

Deno.test("backward() refuses a loss that is not one number or does not depend on a trainable parameter", () => {
  assertEquals(
    refusal((c) => c.graph.scale(c.parameter("x", [3]), 2)),
    'Cannot differentiate "scale.y": it is [3], expected one number',
  );
  assertEquals(
    refusal((c) => c.graph.scale(c.parameter("x", [1]), 2), () => false),
    'Cannot differentiate "scale.y": it does not depend on a trainable parameter',
  );
});

Deno.test("backward() refuses kernels that have no derivative, caches and experts of which some are frozen", () => {
  assertEquals(
    refusal((c) => c.graph.takeRow(c.parameter("x", [1, 3, 1]), c.integers("index", [1], [0]))),
    'Cannot differentiate "takeRow": it has no derivative',
  );
  assertEquals(
    refusal((c) => {
      const [q, k] = [c.parameter("q", [1, 1, 1, 1]), c.state("k", [1, 3, 1, 1])];
      return c.graph.attention(q, k, k, { causal: true, start: c.integers("start", [1], [2]) });
    }),
    'Cannot differentiate "attention": its keys are in a cache',
  );
  assertEquals(
    refusal((c) => {
      const weights = [0, 1].map((e) => c.matrix(`w${e}`, [1, 1]));
      return c.graph.groupedLinear(c.input("x", [1, 1]), c.integers("offsets", [3], [0, 1, 1]), weights);
    }, ({ name }) => name === "w0"),
    'Cannot differentiate "groupedLinear": only some of its experts are trainable',
  );
});
