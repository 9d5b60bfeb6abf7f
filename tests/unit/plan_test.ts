/**
 * The planner: memory that is alive stays untouched, memory that is not is used again.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Graph } from "../../core/graph/graph.ts";
import { inPlace, tensorsOf } from "../../core/graph/kernels.ts";
import { alignment, dumpPlan, type Plan, planGraph } from "../../core/graph/plan.ts";
import { byteLength, type Tensor } from "../../core/graph/tensor.ts";
import { uniform } from "../../core/sampling.ts";

/** Whole numbers below `end` from a seeded stream. */
function dice(seed: number): (end: number) => number {
  let counter = 0;
  return (end) => Math.floor(uniform(seed, counter++) * end);
}

/** A graph of random calls on tensors `[n,4]` and reshapes of them; some are outputs, some are never read. */
function randomGraph(seed: number): Graph {
  const roll = dice(seed);
  const graph = new Graph();
  const values: Tensor[] = [graph.input("a", "f32", [3, 4]), graph.input("b", "f32", [40, 4])];
  const counter = graph.state("counter", "i32", [1]);
  const norm = graph.parameter("norm", [4]);
  // Recent values are likelier, as in a model; older ones come back too, as in a residual.
  const pick = () => values[values.length - 1 - roll(Math.min(values.length, roll(4) === 0 ? 1000 : 3))]!;
  const flat = (x: Tensor) => graph.reshape(x, [x.shape.reduce((a, b) => a * b) / 4, 4]);
  const steps: ((x: Tensor) => Tensor | void)[] = [
    (x) => graph.scale(x, 2),
    (x) => graph.gelu(x, "erf"),
    (x) => graph.rmsNorm(x, norm, 1e-6),
    (x) => graph.add(x, norm),
    (x) => graph.add(x, x),
    (x) => graph.add(x, values.find(({ shape }) => shape[0] === x.shape[0])!),
    (x) => graph.swiglu(x, values.findLast(({ shape }) => shape[0] === x.shape[0])!),
    (x) => graph.linear(x, graph.matrix(`w${roll(5)}`, [4, 4])),
    (x) => flat(graph.linear(x, graph.matrix("wide", [20, 4]))),
    (x) => flat(graph.slice(graph.reshape(x, [1, x.shape[0]!, 4]), 0, 1 + roll(x.shape[0]!))),
    (x) => flat(graph.reshape(x, [1, x.shape[0]! * 4])),
    (x) => flat(graph.combine(x, ...routed(graph, x))),
    () => graph.fill([1 + roll(9), 4], 1),
    () => graph.advance(counter, 1),
  ];
  const length = 5 + roll(60);
  for (let i = 0; i < length; i++) {
    const x = pick();
    if (x.shape[0]! > 200) continue;
    const y = steps[roll(steps.length)]!(x);
    if (y !== undefined) values.push(y);
    if (roll(8) === 0) graph.output(`output ${i}`, pick());
  }
  graph.output("last", values.at(-1)!);
  return graph;
}

/** Order and weight for a `combine` that gives x's rows back. */
function routed(graph: Graph, x: Tensor): [order: Tensor, weight: Tensor] {
  const { weight, expert } = graph.route(x, { k: 1, normalise: true });
  return [graph.dispatch(expert, 4).order, weight];
}

/** The bytes of the arena that a tensor's memory covers. */
function extentOf(plan: Plan, { base }: Tensor): { from: number; to: number } {
  const from = plan.offsets.get(base.id)!;
  return { from, to: from + byteLength(base) };
}

/** Runs a plan on an arena that remembers for every byte whose value it holds, and says where a value is lost. */
function findLostValues(plan: Plan): string[] {
  const owner = new Int32Array(plan.arenaBytes).fill(-1);
  const problems: string[] = [];
  const inArena = (tensor: Tensor) => plan.offsets.has(tensor.base.id);
  const claim = (tensor: Tensor) => {
    const { from, to } = extentOf(plan, tensor);
    if (from % alignment !== 0 || to > plan.arenaBytes) problems.push(`${tensor.name} lies at ${from} to ${to}`);
    owner.fill(tensor.base.id, from, to);
  };
  const expectAlive = (tensor: Tensor, where: string) => {
    const { from, to } = extentOf(plan, tensor);
    if (!owner.subarray(from, to).every((id) => id === tensor.base.id)) {
      problems.push(`${tensor.name} is lost ${where}`);
    }
  };

  for (const input of plan.inputs.values()) claim(input);
  plan.calls.forEach((call, time) => {
    const inputs = tensorsOf(call.inputs).filter(inArena);
    for (const input of inputs) expectAlive(input, `before call ${time}`);
    for (const output of tensorsOf(call.outputs).filter(inArena)) {
      const at = extentOf(plan, output);
      for (const input of inputs) {
        const other = extentOf(plan, input);
        if (at.to <= other.from || at.from >= other.to) continue;
        const operand = (call.inputs as Record<string, Tensor>)[inPlace[call.kernel] ?? ""];
        const may = operand?.base === input.base && at.from === other.from && at.to === other.to;
        if (!may) problems.push(`${call.kernel} at ${time} overwrites its operand ${input.name}`);
      }
      claim(output);
    }
  });
  for (const tensor of [...plan.inputs.values(), ...plan.outputs.values()].filter(inArena)) {
    expectAlive(tensor, "at the end");
  }
  return problems;
}

Deno.test("planGraph() never gives away memory that is still to be read, on 300 random graphs", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const plan = planGraph(randomGraph(seed));
    assertEquals(findLostValues(plan), [], `seed ${seed}\n${dumpPlan(plan)}`);
  }
});

Deno.test("planGraph() uses memory again: random graphs take less than all their tensors", () => {
  const share = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
    const plan = planGraph(randomGraph(seed));
    const temporaries = plan.calls.flatMap((call) => tensorsOf(call.outputs)).filter((x) => x.role === "temporary");
    const tensors = [...plan.inputs.values(), ...temporaries];
    return plan.arenaBytes / tensors.reduce((sum, x) => sum + Math.ceil(byteLength(x) / alignment) * alignment, 0);
  });
  assert(share.every((part) => part <= 1), `${share}`);
  assert(Math.min(...share) < 0.7, `${share}`);
});

Deno.test("planGraph() lets a chain of kernels that run in place share one block", () => {
  const graph = new Graph();
  let x = graph.linear(graph.input("x", "f32", [16]), graph.matrix("w", [16, 16]));
  for (let i = 0; i < 5; i++) x = graph.gelu(graph.reshape(graph.scale(x, 2), [4, 4]), "tanh");
  graph.output("y", graph.add(x, graph.parameter("b", [4])));
  assertEquals(planGraph(graph).arenaBytes, 2 * alignment);
});

Deno.test("planGraph() lets a chain of kernels that cannot run in place take turns on two blocks", () => {
  const graph = new Graph();
  let x = graph.input("x", "f32", [1, 16]);
  for (let i = 0; i < 6; i++) x = graph.linear(x, graph.matrix(`w${i}`, [16, 16]));
  graph.output("y", x);
  assertEquals(planGraph(graph).arenaBytes, 3 * alignment);
});

Deno.test("planGraph() does not run in place on inputs, outputs, values read later, or both operands at once", () => {
  const sizes = [
    (graph: Graph, x: Tensor) => graph.scale(x, 2),
    (graph: Graph, x: Tensor) => {
      const y = graph.scale(x, 2);
      graph.output("before", y);
      return graph.scale(y, 2);
    },
    (graph: Graph, x: Tensor) => {
      const y = graph.scale(x, 2);
      return graph.add(graph.gelu(y, "erf"), y);
    },
    (graph: Graph, x: Tensor) => {
      const y = graph.scale(x, 2);
      return graph.swiglu(y, graph.reshape(y, [16]));
    },
  ].map((build) => {
    const graph = new Graph();
    graph.output("y", build(graph, graph.input("x", "f32", [16])));
    return planGraph(graph).arenaBytes / alignment;
  });
  assertEquals(sizes, [2, 3, 3, 3]);
});

Deno.test("planGraph() lists inputs, outputs, storages and the totals", () => {
  const graph = new Graph();
  const x = graph.input("x", "f32", [2, 3]);
  graph.output("y", graph.linear(x, graph.matrix("w", [5, 3]), graph.parameter("b", [5])));
  graph.advance(graph.state("counter", "i32", [1]), 1);
  graph.constant("table", Float32Array.of(1, 2), [2]);
  const plan = planGraph(graph);
  assertEquals([...plan.inputs.keys()], ["x"]);
  assertEquals([...plan.outputs.keys()], ["y"]);
  assertEquals([...plan.storages.keys()], ["w", "b", "counter", "table"]);
  assertEquals(plan.constants.get("table"), Float32Array.of(1, 2));
  assertEquals(plan.parameterBytes, (15 + 5) * 4);
  assertEquals(plan.arenaBytes, 2 * alignment);
  assertEquals(plan.flops, 2 * 2 * 3 * 5 + 1);
});

Deno.test("dumpPlan() shows a line per call with shapes and places, and the totals", () => {
  const graph = new Graph();
  const x = graph.input("x", "f32", [2, 16]);
  const hidden = graph.gelu(graph.linear(x, graph.matrix("w", [32, 16])), "quick");
  graph.output("y", graph.slice(graph.reshape(hidden, [1, 2, 32]), 1, 1));
  const lines = dumpPlan(planGraph(graph)).split("\n");
  assertEquals(lines.length, 4);
  assertEquals(lines[0], "   0 linear (f32[2, 16] x, f32[32, 16] w) -> f32[2, 32] @256");
  assertEquals(lines[1], "   1 gelu kind=quick (f32[2, 32] @256) -> f32[2, 32] @256");
  assertEquals(lines[2], "   2 slice start=1 (f32[1, 2, 32] @256) -> f32[1, 1, 32] @512");
  assertStringIncludes(lines[3]!, "3 calls, 1 storages, 2048 parameter bytes, 768 arena bytes");
});
