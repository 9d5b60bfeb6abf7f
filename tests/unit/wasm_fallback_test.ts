/**
 * The wasm backend where an ability of the engine is missing: it runs all the same, and says so once.
 *
 * Each in a process of its own, from which the ability is taken before the package is imported.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const missingThreads = "running on 1 of 3 threads: shared memory or workers are missing here";
const missingSimd = "no relaxed SIMD here: matrix products are slower";

/** Multiplies [5,3] by [4,3]ᵀ after `preparation`, twice on one backend; what it was told, and the results. */
async function multiply(preparation: string): Promise<{ threads: number; notices: string[]; results: number[][] }> {
  const script = `${preparation}
    const { createWasmBackend, Graph, planGraph } = await import(${JSON.stringify(new URL("engine.ts", root).href)});
    const notices = [];
    const backend = await createWasmBackend({ threads: 3, onNotice: (notice) => notices.push(notice) });
    const { threads } = backend.capabilities;
    const graph = new Graph();
    const weight = graph.matrix("weight", [4, 3]);
    graph.output("y", graph.linear(graph.input("x", "f32", [5, 3]), weight));
    const storage = backend.alloc(weight);
    backend.write(storage, Float32Array.from({ length: 12 }, (_, i) => i));
    const program = backend.load(planGraph(graph), new Map([["weight", storage]]));
    program.write("x", Float32Array.from({ length: 15 }, (_, i) => i - 7));
    const results = [];
    for (let run = 0; run < 2; run++) {
      program.run();
      results.push([...await program.read("y")]);
    }
    await backend[Symbol.asyncDispose]();
    console.log(JSON.stringify({ threads, notices, results }));`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", script],
    cwd: root,
    env: { NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await command.output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
  return JSON.parse(new TextDecoder().decode(stdout));
}

const expected = Array.from(
  { length: 20 },
  (_, i) => [0, 1, 2].reduce((sum, k) => sum + (3 * Math.floor(i / 4) + k - 7) * (3 * (i % 4) + k), 0),
);

for (
  const { missing, preparation, threads, notices } of [
    { missing: "nothing", preparation: "", threads: 3, notices: [] },
    {
      missing: "SharedArrayBuffer",
      preparation: "delete globalThis.SharedArrayBuffer;",
      threads: 1,
      notices: [missingThreads],
    },
    { missing: "Worker", preparation: "delete globalThis.Worker;", threads: 1, notices: [missingThreads] },
    {
      missing: "relaxed SIMD", // an engine without it finds the better build invalid
      preparation: "WebAssembly.validate = () => false;",
      threads: 3,
      notices: [missingSimd],
    },
  ]
) {
  Deno.test(`createWasmBackend() where ${missing} is missing gives the same numbers and tells what it lacks once`, async () => {
    assertEquals(await multiply(preparation), { threads, notices, results: [expected, expected] });
  });
}
