/**
 * The graph builder: shapes it gives, misfits it refuses and how it names them.
 *
 * @module
 */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../core/errors.ts";
import { Graph } from "../../core/graph/graph.ts";
import type { DType, Tensor } from "../../core/graph/tensor.ts";

/** A graph and a short way to its tensors. */
class Fixture {
  readonly graph = new Graph();
  #count = 0;

  f32(...shape: number[]): Tensor {
    return this.of("f32", shape);
  }

  i32(...shape: number[]): Tensor {
    return this.of("i32", shape);
  }

  of(dtype: DType, shape: number[]): Tensor {
    return this.graph.input(`t${this.#count++}`, dtype, shape);
  }

  matrix(...shape: number[]): Tensor {
    return this.graph.matrix(`t${this.#count++}`, shape);
  }
}

function messageOf(action: (fixture: Fixture) => unknown): string {
  return assertThrows(() => action(new Fixture()), ShapeError).message;
}

Deno.test("Graph gives every kernel's result its shape and type", () => {
  const f = new Fixture();
  const g = f.graph;
  const shapes = {
    fill: g.fill([2, 3], 0),
    add: g.add(f.f32(2, 3), f.f32(3)),
    scale: g.scale(f.f32(2, 3), 2),
    slice: g.slice(f.f32(2, 5, 3), 1, 4),
    takeRow: g.takeRow(f.f32(2, 5, 3), f.i32(2)),
    prepend: g.prepend(f.f32(2, 5, 3), f.f32(3)),
    linear: g.linear(f.f32(2, 5, 12), f.matrix(7, 3, 2, 2), f.f32(7)),
    embedding: g.embedding(f.i32(2, 5), f.matrix(9, 3)),
    rmsNorm: g.rmsNorm(f.f32(2, 3), f.f32(3), 0),
    layerNorm: g.layerNorm(f.f32(2, 3), f.f32(3), f.f32(3), 0),
    gelu: g.gelu(f.f32(2, 3), "erf"),
    swiglu: g.swiglu(f.f32(2, 3), f.f32(2, 3)),
    rope: g.rope(f.f32(2, 5, 3, 4), f.f32(9, 2), f.f32(9, 2), { start: f.i32(2) }),
    attention: g.attention(f.f32(2, 5, 4, 6), f.f32(2, 9, 2, 6), f.f32(2, 9, 2, 6), { causal: true }),
    patches: g.patches(f.f32(2, 3, 8, 8), 4),
    unfold: g.unfold(f.f32(2, 9, 6, 5), { window: 3, stride: 2, padding: 1 }),
    splice: g.splice(f.f32(2, 5, 3), f.f32(7, 3), f.i32(2, 5)),
    gatherRows: g.gatherRows(f.f32(5, 3), f.i32(10)),
    groupedLinear: g.groupedLinear(f.f32(10, 3), f.i32(3), [f.matrix(7, 3), f.matrix(7, 3)]),
    combine: g.combine(f.f32(10, 3), f.i32(10), f.f32(5, 2)),
    balanceLoss: g.balanceLoss(f.f32(2, 5, 4), f.i32(2, 5, 2), { factor: 1, perRow: true }),
    crossEntropy: g.crossEntropy(f.f32(5, 3), f.matrix(9, 3), f.i32(5)),
    squaredError: g.squaredError(f.f32(2, 3, 4), f.f32(2, 3, 4)),
    meanLoss: g.meanLoss(f.f32(5), f.i32(5)),
    sample: g.sample(f.f32(2, 9), f.f32(2, 5), { id: f.i32(2), seen: f.i32(2, 9), random: f.i32(2, 2) }),
    ...g.route(f.f32(5, 4), { k: 2, normalise: true }),
    ...g.dispatch(f.i32(5, 2), 4),
  };
  assertEquals(Object.fromEntries(Object.entries(shapes).map(([name, { shape }]) => [name, shape])), {
    fill: [2, 3],
    add: [2, 3],
    scale: [2, 3],
    slice: [2, 4, 3],
    takeRow: [2, 3],
    prepend: [2, 6, 3],
    linear: [2, 5, 7],
    embedding: [2, 5, 3],
    rmsNorm: [2, 3],
    layerNorm: [2, 3],
    gelu: [2, 3],
    swiglu: [2, 3],
    rope: [2, 5, 3, 4],
    attention: [2, 5, 4, 6],
    patches: [2, 4, 48],
    unfold: [2, 5, 3, 45],
    splice: [2, 5, 3],
    gatherRows: [10, 3],
    groupedLinear: [10, 7],
    combine: [5, 3],
    balanceLoss: [1],
    crossEntropy: [5],
    squaredError: [6],
    meanLoss: [1],
    sample: [2, 9],
    scores: [5, 4],
    weight: [5, 2],
    expert: [5, 2],
    order: [10],
    offsets: [5],
  });
  const { expert, order, offsets, ...others } = shapes;
  assertEquals([expert, order, offsets].map(({ dtype }) => dtype), ["i32", "i32", "i32"]);
  assertEquals(new Set(Object.values(others).map(({ dtype }) => dtype)), new Set(["f32"]));
});

Deno.test("Graph records calls in order, with operands and attributes", () => {
  const { graph } = new Fixture();
  const [x, w] = [graph.input("x", "f32", [1, 2]), graph.matrix("w", [3, 2])];
  const y = graph.scale(graph.linear(x, w), 0.5);
  assertEquals(graph.calls.map(({ kernel }) => kernel), ["linear", "scale"]);
  assertEquals(graph.calls[1]!.attributes, { factor: 0.5 });
  assertEquals(y.name, "scale.y");
  assertEquals(graph.calls[1]!.outputs, { y });
});

Deno.test("attention() scales by 1/√C unless told otherwise", () => {
  const f = new Fixture();
  const [q, k, v] = [f.f32(1, 2, 1, 16), f.f32(1, 2, 1, 16), f.f32(1, 2, 1, 16)];
  f.graph.attention(q, k, v, { causal: true });
  f.graph.attention(q, k, v, { causal: false, scale: 3 });
  assertEquals(f.graph.calls.map(({ attributes }) => attributes), [
    { causal: true, scale: 0.25 },
    { causal: false, scale: 3 },
  ]);
});

Deno.test("parameter(), matrix() and state() give the same tensor when asked twice", () => {
  const { graph } = new Fixture();
  assertStrictEquals(graph.parameter("p", [3]), graph.parameter("p", [3]));
  assertStrictEquals(graph.matrix("w", [3, 4]), graph.matrix("w", [3, 4]));
  assertStrictEquals(graph.state("s", "i32", [1]), graph.state("s", "i32", [1]));
  assertEquals(graph.named.size, 3);
});

Deno.test("reshape() shares the memory of what it reshapes, through several steps", () => {
  const f = new Fixture();
  const x = f.graph.scale(f.f32(2, 6), 2);
  const y = f.graph.reshape(f.graph.reshape(x, [12]), [3, 4]);
  assertEquals([y.shape, y.role, y.dtype], [[3, 4], "temporary", "f32"]);
  assertStrictEquals(y.base, x);
  assertEquals(f.graph.calls.length, 1);
});

Deno.test("Graph copies the shapes it is given", () => {
  const shape = [2, 3];
  const x = new Graph().input("x", "f32", shape);
  shape[0] = 9;
  assertEquals(x.shape, [2, 3]);
});

Deno.test("Graph names kernel, operand, what it is and what was expected in a ShapeError", () => {
  const messages: [action: (f: Fixture) => unknown, message: string][] = [
    [
      (f) => f.graph.takeRow(f.f32(2, 5, 3), f.i32(4)),
      'Cannot add "takeRow": index "t1" is i32 [4], expected i32 [B] with B = 2',
    ],
    [
      (f) => f.graph.embedding(f.f32(2, 5), f.matrix(9, 3)),
      'Cannot add "embedding": ids "t0" is f32 [2, 5], expected i32 [B, T]',
    ],
    [
      (f) => f.graph.embedding(f.i32(2, 5), f.f32(9, 3)),
      'Cannot add "embedding": weight "t1" is f32 [9, 3], expected matrix [V, D]',
    ],
    [
      (f) => f.graph.linear(f.f32(2, 5), f.matrix(7, 4)),
      'Cannot add "linear": weight "t1" is matrix [7, 4], expected a matrix [out, …in] with in = 5',
    ],
    [
      (f) => f.graph.linear(f.f32(2, 5), f.f32(7, 5)),
      'Cannot add "linear": weight "t1" is rows [7, 5], expected a matrix [out, …in] with in = 5',
    ],
    [
      (f) => f.graph.linear(f.f32(2, 5), f.matrix(7, 5), f.f32(6)),
      'Cannot add "linear": bias "t2" is f32 [6], expected f32 [7]',
    ],
    [
      (f) => f.graph.add(f.f32(2, 3), f.f32(2)),
      'Cannot add "add": b "t1" is [2], expected [2, 3] or a suffix of it',
    ],
    [
      (f) => f.graph.rmsNorm(f.f32(2, 3), f.f32(4), 0),
      'Cannot add "rmsNorm": weight "t1" is f32 [4], expected f32 [D] with D = 3',
    ],
    [
      (f) => f.graph.slice(f.f32(1, 5, 2), 3, 3),
      'Cannot add "slice": rows 3 to 6 of "t0", which has 5',
    ],
    [
      (f) => f.graph.patches(f.f32(1, 3, 8, 8), 3),
      'Cannot add "patches": 8 pixels do not divide into 3',
    ],
    [
      (f) => f.graph.unfold(f.f32(1, 3, 2, 1), { window: 4, stride: 1, padding: 0 }),
      'Cannot add "unfold": no windows of 4, 1 apart, in 3×2 pixels with 0 around',
    ],
    [
      (f) => f.graph.unfold(f.f32(1, 8, 8, 1), { window: 2, stride: 2, padding: 2 }),
      'Cannot add "unfold": no windows of 2, 2 apart, in 8×8 pixels with 2 around',
    ],
    [
      (f) => f.graph.attention(f.f32(1, 2, 3, 4), f.f32(1, 2, 2, 4), f.f32(1, 2, 2, 4), { causal: true }),
      'Cannot add "attention": 3 heads do not share 2 key heads evenly',
    ],
    [
      (f) => f.graph.attention(f.f32(1, 5, 1, 4), f.f32(1, 2, 1, 4), f.f32(1, 2, 1, 4), { causal: true }),
      'Cannot add "attention": 5 causal queries over 2 keys without a start',
    ],
    [
      (f) => f.graph.rope(f.f32(1, 5, 1, 4), f.f32(3, 2), f.f32(3, 2)),
      'Cannot add "rope": 5 tokens, but the table has 3 positions',
    ],
    [(f) => f.graph.route(f.f32(5, 4), { k: 5, normalise: true }), 'Cannot add "route": 5 of 4 experts'],
    [(f) => f.graph.gatherRows(f.f32(3, 2), f.i32(4)), 'Cannot add "gatherRows": 4 choices for 3 rows'],
    [
      (f) => f.graph.groupedLinear(f.f32(4, 3), f.i32(3), [f.matrix(7, 3), f.matrix(6, 3)]),
      'Cannot add "groupedLinear": expert 1 has 6 rows, expert 0 7',
    ],
  ];
  for (const [action, message] of messages) assertEquals(messageOf(action), message);
});

Deno.test("Graph refuses shapes that are none, and values that do not fill theirs", () => {
  assertEquals(messageOf((f) => f.f32()), 'Cannot add input "t0": [] is not a shape');
  assertEquals(messageOf((f) => f.f32(2, 0)), 'Cannot add input "t0": [2, 0] is not a shape');
  assertEquals(messageOf((f) => f.f32(1.5)), 'Cannot add input "t0": [1.5] is not a shape');
  assertEquals(messageOf((f) => f.graph.fill([-1], 0)), 'Cannot add temporary "fill.y": [-1] is not a shape');
  assertEquals(
    messageOf((f) => f.graph.constant("table", Float32Array.of(1, 2, 3), [2, 2])),
    'Cannot add constant "table": 3 values for [2, 2]',
  );
  assertEquals(
    messageOf((f) => f.graph.reshape(f.f32(2, 3), [4])),
    'Cannot reshape "t0": [2, 3] does not fit [4]',
  );
  assertEquals(
    messageOf((f) => f.graph.reshape(f.matrix(2, 3), [6])),
    'Cannot reshape "t0": [2, 3] does not fit [6]',
  );
});

Deno.test("Graph refuses a name that is taken by another kind of tensor or by another output", () => {
  const taken = (action: (graph: Graph) => unknown) =>
    messageOf(({ graph }) => {
      graph.parameter("p", [3]);
      action(graph);
    });
  assertEquals(
    taken((graph) => graph.parameter("p", [4])),
    'Cannot add parameter "p" [4]: the name is taken by a parameter [3]',
  );
  assertEquals(
    taken((graph) => graph.state("p", "f32", [3])),
    'Cannot add state "p" [3]: the name is taken by a parameter [3]',
  );
  assertEquals(
    taken((graph) => graph.matrix("p", [3])),
    'Cannot add parameter "p" [3]: the name is taken by a parameter [3]',
  );
  assertEquals(
    messageOf((f) => {
      f.graph.output("y", f.f32(1));
      f.graph.output("y", f.f32(1));
    }),
    'Cannot add output "y": the name is taken',
  );
});
