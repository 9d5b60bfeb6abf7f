/**
 * Cases about a backend's memory and programs: what it keeps, copies and refuses.
 *
 * @module
 */
import type { Backend, HostData, Program, Storages } from "../../core/backend.ts";
import { ShapeError } from "../../core/errors.ts";
import { Graph } from "../../core/graph/graph.ts";
import { planGraph } from "../../core/graph/plan.ts";
import { elementCount, type StorageSpec } from "../../core/graph/tensor.ts";
import { noise, wholeNumbers } from "./case.ts";

/** Something that holds for every backend. */
export interface ContractCase {
  /** Symbol and behaviour, as the title of a test. */
  readonly title: string;
  /** Throws where it does not hold. */
  check(backend: Backend): Promise<void>;
}

const matrices = [[1, 1], [13, 5], [5, 13], [1, 67], [67, 1], [8, 3, 2, 2], [64, 32], [131, 129]];
const rows = [[1], [7], [67], [3, 5], [2, 3, 5, 7], [1, 4099]];

/** Cases of the contract. */
export const contractCases: readonly ContractCase[] = [
  ...matrices.map((shape) => ({
    title: `write() and read() give a matrix [${shape}] back`,
    check: (backend: Backend) => checkRoundTrip(backend, { name: "w", dtype: "f32", shape, layout: "matrix" }),
  })),
  ...rows.flatMap((shape) =>
    (["f32", "i32"] as const).map((dtype) => ({
      title: `write() and read() give ${dtype} rows [${shape}] back`,
      check: (backend: Backend) => checkRoundTrip(backend, { name: "x", dtype, shape, layout: "rows" }),
    }))
  ),
  {
    title: "alloc() gives zeros, of memory that was used before too",
    async check(backend) {
      for (let round = 0; round < 3; round++) {
        for (const layout of ["rows", "matrix"] as const) {
          const storage = backend.alloc({ name: "x", dtype: "f32", shape: [5, 13], layout });
          expectNumbers(await backend.read(storage), new Float32Array(65));
          backend.write(storage, noise(round, 65));
          backend.free(storage);
        }
      }
    },
  },
  {
    title: "view(), where there is one, is the storage itself, and write() takes from it",
    async check(backend) {
      if (backend.view === undefined) return;
      const rows = backend.alloc({ name: "x", dtype: "f32", shape: [13, 5], layout: "rows" });
      const matrix = backend.alloc({ name: "w", dtype: "f32", shape: [13, 5], layout: "matrix" });
      const data = noise(4, 65);
      backend.view(rows).set(data);
      expectNumbers(await backend.read(rows), data);
      backend.write(matrix, backend.view(rows));
      expectNumbers(await backend.read(matrix), data);
      backend.free(rows);
      backend.free(matrix);
    },
  },
  {
    title: "write() of matrices from views in turn takes what was there when it was called",
    async check(backend) {
      if (backend.view === undefined) return;
      const [n, k] = [301, 1021];
      const rows = [0, 1].map((i) => backend.alloc({ name: `x${i}`, dtype: "f32", shape: [n * k], layout: "rows" }));
      const written = Array.from({ length: 6 }, (_, i) => ({
        matrix: backend.alloc({ name: `w${i}`, dtype: "f32", shape: [n, k], layout: "matrix" }),
        data: noise(i, n * k),
      }));
      for (const [i, { matrix, data }] of written.entries()) {
        const from = rows[i % 3 % 2]!; // once the same one twice in a row
        if (i === 5) backend.write(from, data);
        else backend.view(from).set(data);
        backend.write(matrix, backend.view(from));
      }
      for (const { matrix, data } of written) expectNumbers(await backend.read(matrix), data);
      for (const storage of [...rows, ...written.map(({ matrix }) => matrix)]) backend.free(storage);
    },
  },
  {
    title: "reserve(), where there is one, changes nothing of what is allocated next",
    async check(backend) {
      if (backend.reserve === undefined) return;
      for (const bytes of [0, 1, 100_000_000]) {
        backend.reserve(bytes);
        const filled = backend.alloc({ name: "x", dtype: "f32", shape: [1_000_003], layout: "rows" });
        const empty = backend.alloc({ name: "y", dtype: "i32", shape: [1_000_003], layout: "rows" });
        const data = noise(bytes, 1_000_003);
        backend.write(filled, data);
        expectNumbers(await backend.read(filled), data);
        expectNumbers(await backend.read(empty), new Int32Array(1_000_003));
        backend.free(filled);
        backend.free(empty);
      }
    },
  },
  {
    title: "write() starts at the offset and leaves the rest",
    async check(backend) {
      const storage = backend.alloc({ name: "x", dtype: "i32", shape: [7], layout: "rows" });
      backend.write(storage, Int32Array.of(1, 2, 3, 4, 5, 6, 7));
      backend.write(storage, Int32Array.of(-1, -2), 3);
      backend.write(storage, Int32Array.of(-3), 6);
      expectNumbers(await backend.read(storage), Int32Array.of(1, 2, 3, -1, -2, 6, -3));
      backend.free(storage);
    },
  },
  {
    title: "read() returns a copy, and write() takes one",
    async check(backend) {
      const storage = backend.alloc({ name: "x", dtype: "f32", shape: [3], layout: "rows" });
      const data = Float32Array.of(1, 2, 3);
      backend.write(storage, data);
      data.fill(9);
      (await backend.read(storage)).fill(8);
      expectNumbers(await backend.read(storage), Float32Array.of(1, 2, 3));
      backend.free(storage);
    },
  },
  {
    title: "write() refuses numbers that do not fit, naming the storage",
    check(backend) {
      const x = backend.alloc({ name: "some.norm", dtype: "f32", shape: [2, 3], layout: "rows" });
      expectError(() => backend.write(x, new Float32Array(7)), { names: ["some.norm"] });
      expectError(() => backend.write(x, new Float32Array(4), 3), { names: ["some.norm"] });
      expectError(() => backend.write(x, new Int32Array(6)), { names: ["some.norm"] });
      const w = backend.alloc({ name: "some.matrix", dtype: "f32", shape: [2, 3], layout: "matrix" });
      expectError(() => backend.write(w, new Float32Array(5)), { names: ["some.matrix"] });
      backend.free(x);
      backend.free(w);
      return Promise.resolve();
    },
  },
  {
    title: "load() names every storage that is missing or does not fit in one ShapeError",
    check(backend) {
      const { plan, storages } = smallPlan(backend);
      const wrong = backend.alloc({ name: "bias", dtype: "f32", shape: [4], layout: "rows" });
      const rows = backend.alloc({ name: "weight", dtype: "f32", shape: [3, 2], layout: "rows" });
      const misfits = new Map([["bias", wrong], ["weight", rows]]);
      expectError(() => backend.load(plan, misfits), { kind: ShapeError, names: ["bias", "weight", "counter"] });
      for (const storage of [wrong, rows, ...storages.values()]) backend.free(storage);
      return Promise.resolve();
    },
  },
  {
    title: "program.write() and program.read() refuse names and sizes that the plan does not have",
    async check(backend) {
      const { plan, storages } = smallPlan(backend);
      const program = backend.load(plan, storages);
      expectError(() => program.write("y", new Float32Array(2)), { names: ["y"] });
      expectError(() => program.write("x", new Float32Array(3)), { names: ["x"] });
      expectError(() => program.write("x", new Int32Array(2)), { names: ["x"] });
      const error = await readOutput(program, "x").then(() => undefined, (error: unknown) => error);
      expectError(() => throwIfError(error), { names: ["x"] });
      release(backend, { program, storages });
    },
  },
  {
    title: "program.write() takes a copy, which an input keeps over runs, and program.read() returns one",
    async check(backend) {
      const { plan, storages } = smallPlan(backend);
      const program = backend.load(plan, storages);
      const x = Float32Array.of(1, 2);
      program.write("x", x);
      x.fill(100);
      for (let run = 0; run < 3; run++) {
        program.run();
        (await program.read("y")).fill(0);
        expectNumbers(await program.read("y"), Float32Array.of(5, 11, 17));
      }
      release(backend, { program, storages });
    },
  },
  {
    title: "storages are shared by programs, and each program has an arena of its own",
    async check(backend) {
      const { plan, storages } = smallPlan(backend);
      const programs = [1, 2, 3].map(() => backend.load(plan, storages));
      programs.forEach((program, i) => program.write("x", Float32Array.of(i, i)));
      for (const program of programs) program.run();
      for (const [i, program] of programs.entries()) {
        expectNumbers(await program.read("y"), Float32Array.of(3 * i, 7 * i, 11 * i));
      }
      expectNumbers(await backend.read(storages.get("counter")!), Int32Array.of(3));
      backend.write(storages.get("bias")!, Float32Array.of(1, 1, 1));
      programs[1]!.run();
      expectNumbers(await programs[1]!.read("y"), Float32Array.of(4, 8, 12));
      for (const program of programs.slice(1)) program[Symbol.dispose]();
      release(backend, { program: programs[0]!, storages });
    },
  },
  {
    title:
      "runAhead(), where there is one, gives what as many runs give one by one, in the order in which it was asked",
    async check(backend) {
      const graph = new Graph();
      const counter = graph.state("counter", "i32", [2]);
      graph.advance(counter, 3);
      graph.output("counter", counter);
      graph.output("y", graph.scale(graph.input("x", "f32", [3]), 2));
      const storages = new Map([["counter", backend.alloc(counter)]]);
      const program = backend.load(planGraph(graph), storages);
      program.write("x", Float32Array.of(1, 2, 3));
      if (program.runAhead !== undefined) {
        const counts = await Promise.all([2, 1, 3].map((times) => program.runAhead!(times, "counter")));
        expectNumbers(
          Int32Array.from(counts.flatMap((batch) => batch.flatMap((numbers) => [...numbers]))),
          Int32Array.of(3, 3, 6, 6, 9, 9, 12, 12, 15, 15, 18, 18),
        );
        expectNumbers(await backend.read(storages.get("counter")!), Int32Array.of(18, 18));
        expectNumbers((await program.runAhead(1, "y"))[0]!, Float32Array.of(2, 4, 6));
        expectNumbers(await program.read("y"), Float32Array.of(2, 4, 6));
      }
      release(backend, { program, storages });
    },
  },
  {
    title: "run() throws once the program is disposed",
    check(backend) {
      const { plan, storages } = smallPlan(backend);
      const program = backend.load(plan, storages);
      release(backend, { program, storages });
      expectError(() => program.run(), { names: [] });
      return Promise.resolve();
    },
  },
];

/** y = x · [[1, 2], [3, 4], [5, 6]]ᵀ + 0, and a counter that counts the runs. */
function smallPlan(backend: Backend): { plan: ReturnType<typeof planGraph>; storages: Storages } {
  const graph = new Graph();
  const x = graph.input("x", "f32", [1, 2]);
  graph.output("y", graph.linear(x, graph.matrix("weight", [3, 2]), graph.parameter("bias", [3])));
  graph.advance(graph.state("counter", "i32", [1]), 1);
  const plan = planGraph(graph);
  const storages = new Map([...plan.storages].map(([name, tensor]) => [name, backend.alloc(tensor)]));
  backend.write(storages.get("weight")!, Float32Array.of(1, 2, 3, 4, 5, 6));
  return { plan, storages };
}

async function checkRoundTrip(backend: Backend, spec: StorageSpec): Promise<void> {
  const storage = backend.alloc(spec);
  const count = elementCount(spec.shape);
  const data = spec.dtype === "f32" ? noise(count, count) : wholeNumbers(count, { count, least: -1e6, end: 1e6 });
  backend.write(storage, data);
  expectNumbers(await backend.read(storage), data);
  backend.free(storage);
}

function release(backend: Backend, { program, storages }: { program: Program; storages: Storages }): void {
  program[Symbol.dispose]();
  for (const storage of storages.values()) backend.free(storage);
}

/** A read that fails at once fails like one that fails later. */
async function readOutput(program: Program, name: string): Promise<HostData> {
  return await program.read(name);
}

function throwIfError(error: unknown): void {
  if (error !== undefined) throw error;
}

function expectNumbers(got: HostData, expected: HostData): void {
  const same = got.constructor === expected.constructor && got.length === expected.length &&
    got.every((value, i) => value === expected[i]);
  if (!same) throw new Error(`Cannot accept "${got}": expected ${expected}`);
}

function expectError(
  action: () => void,
  { kind = Error, names }: { readonly kind?: new (message: string) => Error; readonly names: readonly string[] },
): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof kind)) throw new Error(`Cannot accept "${thrown}": expected a ${kind.name}`);
  const { message } = thrown;
  const absent = names.filter((name) => !message.includes(`"${name}"`));
  if (absent.length > 0) throw new Error(`Cannot accept "${message}": it does not name ${absent.join(", ")}`);
}
