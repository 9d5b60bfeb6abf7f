/**
 * The optimiser's program against numbers of PyTorch 2.13 (`torch.optim.AdamW`, `clip_grad_norm_`).
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import type { Backend, Program, Storage } from "../../core/backend.ts";
import { Graph } from "../../core/graph/graph.ts";
import { adamwSettings, planOptimiser } from "../../trainers/optimiser.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { compareNumbers } from "../conformance/check_backend.ts";

/** A matrix `a` and a bias `b` under AdamW with a limit on the norm of their gradients. */
class Training implements Disposable {
  readonly #backend: Backend;
  readonly #program: Program;
  readonly #storages: Map<string, Storage>;
  #steps = 0;

  constructor(backend: Backend, limit: number) {
    const graph = new Graph();
    const plan = planOptimiser([
      { name: "matrices", parameters: [graph.matrix("a", [2, 2])] },
      { name: "biases", parameters: [graph.parameter("b", [3])] },
    ]);
    this.#backend = backend;
    this.#storages = new Map([...plan.storages].map(([name, tensor]) => [name, backend.alloc(tensor)]));
    this.#program = backend.load(plan, this.#storages);
    this.#program.write("limit", Float32Array.of(limit));
    this.write("a", [0.5, -1, 2, 0.25]);
    this.write("b", [1, -3, 0]);
  }

  write(name: string, numbers: readonly number[]): void {
    this.#backend.write(this.#storages.get(name)!, Float32Array.from(numbers));
  }

  async read(name: string): Promise<Float32Array> {
    return await this.#backend.read(this.#storages.get(name)!) as Float32Array;
  }

  /** Runs one update and resolves to the norm before clipping. */
  async step(
    rate: number,
    gradients: { readonly a: readonly number[]; readonly b: readonly number[] },
  ): Promise<number> {
    this.write("gradient.a", gradients.a);
    this.write("gradient.b", gradients.b);
    this.#steps++;
    for (const group of ["matrices", "biases"]) {
      this.#program.write(`settings.${group}`, adamwSettings(rate, this.#steps));
    }
    this.#program.run();
    return Math.sqrt((await this.#program.read("squares"))[0]!);
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    for (const storage of this.#storages.values()) this.#backend.free(storage);
  }
}

const rates = [0.1, 0.05, 0.02, 0.01];

/** Gradients of step i, from 0. */
function gradients(i: number): { a: number[]; b: number[] } {
  return { a: [1, -0.5, 0.25, 0].map((slope) => slope * (i + 1)), b: [-2, 0.125, 1e-3] };
}

/** Norms before clipping, then a and b after each step, by limit on the norm. */
const norms = [2.30827332, 3.04394913, 3.97845793, 5.00156212];
const expected = {
  1: [
    [[0.39950001, -0.89900005, 1.898, 0.24975], [1.09899998, -3.09699988, -0.09999768]],
    [[0.34979731, -0.8490476, 1.84754801, 0.24962512], [1.14762962, -3.14463067, -0.14912564]],
    [[0.3298367, -0.82898712, 1.82728791, 0.2495752], [1.16656578, -3.16316724, -0.16826086]],
    [[0.31979775, -0.81889826, 1.81709921, 0.24955024], [1.17573595, -3.17213774, -0.17753057]],
  ],
  100: [
    [[0.39950001, -0.89900005, 1.898, 0.24975], [1.09899998, -3.09699988, -0.09999899]],
    [[0.35104114, -0.85029143, 1.84879184, 0.24962512], [1.14845037, -3.14545131, -0.14994848]],
    [[0.33181092, -0.83096135, 1.82926214, 0.2495752], [1.16822064, -3.16482234, -0.1699183]],
    [[0.32217363, -0.82127416, 1.81947505, 0.24955024], [1.1781038, -3.17450571, -0.17990121]],
  ],
} as const;

const backends = {
  reference: () => Promise.resolve(createReferenceBackend()),
  wasm: () => createWasmBackend({ threads: 2 }),
};

for (const [name, createBackend] of Object.entries(backends)) {
  for (const limit of [1, 100] as const) {
    Deno.test(`adamw() on ${name} steps like PyTorch under a limit of ${limit} on the norm, within 2e-7`, async () => {
      await using backend = await createBackend();
      using training = new Training(backend, limit);
      for (const [i, rate] of rates.entries()) {
        assertAlmostEquals(await training.step(rate, gradients(i)), norms[i]!, 1e-6);
        const [a, b] = expected[limit][i]!;
        compareNumbers(await training.read("a"), Float32Array.from(a), { place: `a, step ${i}`, tolerance: 2e-7 });
        compareNumbers(await training.read("b"), Float32Array.from(b), { place: `b, step ${i}`, tolerance: 2e-7 });
      }
    });
  }

  Deno.test(`planOptimiser() on ${name} leaves gradients of zero, also after a norm that is not finite`, async () => {
    await using backend = await createBackend();
    using training = new Training(backend, 1);
    await training.step(0.1, gradients(0));
    const names = ["a", "b", "mean.a", "mean.b", "variance.a", "variance.b"];
    const before = await Promise.all(names.map((name) => training.read(name)));
    for (const bad of [NaN, Infinity, 3e38]) {
      assertEquals(await training.step(0.1, { a: [1, bad, 0, 0], b: [1, 1, 1] }), Number.isNaN(bad) ? NaN : Infinity);
      assertEquals(await Promise.all(names.map((name) => training.read(name))), before);
      assertEquals([...await training.read("gradient.a"), ...await training.read("gradient.b")], Array(7).fill(0));
    }
  });
}

Deno.test("planOptimiser() only decays a parameter whose gradient is zero", async () => {
  using training = new Training(createReferenceBackend(), 1);
  await training.step(0.1, { a: [0, 0, 0, 0], b: [0, 0, 0] });
  compareNumbers(await training.read("b"), Float32Array.of(0.999, -2.997, 0), { place: "b", tolerance: 1e-7 });
});
