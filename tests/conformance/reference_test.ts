/**
 * The reference backend on its own, since it is what others are compared with: worked examples, the contract,
 * and the soundness of the suite itself.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { ShapeError } from "../../core/errors.ts";
import { contractCases } from "./backend_cases.ts";
import { CaseGraph } from "./case.ts";
import { checkExample, compareNumbers, loadCase, runCase } from "./check_backend.ts";
import { kernelCases, kernelNames } from "./kernel_cases.ts";
import { planGraph } from "../../core/graph/plan.ts";
import { programCases } from "./program_cases.ts";
import { workedExamples } from "./worked_examples.ts";

const reference = createReferenceBackend();

for (const kernel of kernelNames) {
  Deno.test(`reference: ${kernel}() gives the numbers of the worked examples within 1e-6`, async () => {
    for (const example of workedExamples[kernel]) await checkExample(example, reference);
  });
}

for (const { title, check } of contractCases) {
  Deno.test(`reference: ${title}`, () => check(reference));
}

Deno.test("kernelCases covers every kernel of the table, each case calling the kernel it is about", () => {
  assertEquals(new Set(kernelCases.map(({ kernel }) => kernel)), new Set(kernelNames));
  for (const { title, kernel, build } of kernelCases) {
    assert(build().graph.calls.some((call) => call.kernel === kernel), title);
  }
});

Deno.test("kernelCases and programCases have titles of their own", () => {
  const titles = [...kernelCases, ...programCases].map(({ title }) => title);
  assertEquals(titles.filter((title, i) => titles.indexOf(title) !== i), []);
});

Deno.test("runCase() on the reference gives finite numbers in every case, and the same bits again", async () => {
  for (const test of [...kernelCases, ...programCases]) {
    for (const results of await runCase(test, reference)) {
      for (const [name, numbers] of results) assert(numbers.every(Number.isFinite), `${name} of ${test.title}`);
    }
  }
});

Deno.test("compareNumbers() returns the largest difference, relative to numbers above 1", () => {
  const [got, expected] = [Float32Array.of(0.25, 1.5, 8), Float32Array.of(0, 1, 16)];
  assertEquals(compareNumbers(got, expected, { place: "y", tolerance: 0.5 }), 0.5);
  assertEquals(compareNumbers(Int32Array.of(1), Int32Array.of(1), { place: "y", tolerance: 0 }), 0);
});

Deno.test("compareNumbers() names place, index, got and expected of a difference", () => {
  const compare = (got: Float32Array | Int32Array | undefined, expected: Float32Array | Int32Array) => {
    const error = assertThrows(() => compareNumbers(got, expected, { place: 'output "y"', tolerance: 0.1 }), Error);
    return error.message;
  };
  const first = compare(Float32Array.of(1, 2), Float32Array.of(1, 3));
  assertEquals(first, 'Cannot accept output "y": 2 at index 1, expected 3 within 0.1');
  assertStringIncludes(compare(Float32Array.of(NaN), Float32Array.of(1)), "NaN at index 0");
  assertStringIncludes(compare(Float32Array.of(Infinity), Float32Array.of(1)), "Infinity at index 0");
  assertStringIncludes(compare(Int32Array.of(5), Int32Array.of(6)), "expected 6 within 0");
  assertStringIncludes(compare(Float32Array.of(1), Float32Array.of(1, 2)), "Float32Array(1), expected Float32Array(2)");
  assertStringIncludes(compare(Float32Array.of(1), Int32Array.of(1)), "Float32Array(1), expected Int32Array(1)");
  assertStringIncludes(compare(undefined, Int32Array.of(1)), "missing, expected Int32Array(1)");
});

Deno.test("createReferenceBackend() refuses types that it does not hold", () => {
  const spec = { name: "w", shape: [2, 32], layout: "matrix" } as const;
  const error = assertThrows(() => reference.alloc({ ...spec, dtype: "q8" }), TypeError);
  assertEquals(error.message, 'Cannot hold "w": the reference backend stores f32 and i32, not q8');
});

Deno.test("load() on the reference lists every misfit with what it is and what was expected", () => {
  const c = new CaseGraph();
  c.output("y", c.graph.linear(c.input("x", [1, 2]), c.matrix("w", [3, 2]), c.parameter("b", [3])));
  const w = reference.alloc({ name: "w", dtype: "f32", shape: [3, 2], layout: "rows" });
  const error = assertThrows(() => reference.load(planGraph(c.graph), new Map([["w", w]])), ShapeError);
  const w32 = '"w" is f32 rows [3, 2], expected f32 matrix [3, 2]';
  assertEquals(error.message, `Cannot load "plan": ${w32}; "b" f32 rows [3] is missing`);
});

Deno.test("embedding() on the reference throws a RangeError for an id past the table", () => {
  const c = new CaseGraph();
  c.output("y", c.graph.embedding(c.integers("ids", [1, 1], [5]), c.matrix("w", [5, 2])));
  using loaded = loadCase(planGraph(c.graph), { values: c.values, backend: reference });
  const error = assertThrows(() => loaded.program.run(), RangeError);
  assertEquals(error.message, "Cannot read row 5: the table has 5");
});
