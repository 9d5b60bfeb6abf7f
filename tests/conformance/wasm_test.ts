/**
 * The WASM backend against the reference, with one thread and with two.
 *
 * @module
 */
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { contractCases } from "./backend_cases.ts";
import { checkExample, compareBackends } from "./check_backend.ts";
import { kernelCases, kernelNames } from "./kernel_cases.ts";
import { programCases } from "./program_cases.ts";
import { workedExamples } from "./worked_examples.ts";

const reference = createReferenceBackend();

for (const threads of [1, 2]) {
  const name = `wasm, ${threads === 1 ? "one thread" : `${threads} threads`}`;
  const backend = await createWasmBackend({ threads, grain: 0 });

  for (const test of [...kernelCases, ...programCases]) {
    Deno.test(`${name}: ${test.title}`, async () => {
      await compareBackends(test, { backend, reference });
    });
  }

  for (const kernel of kernelNames) {
    Deno.test(`${name}: ${kernel}() gives the numbers of the worked examples within 1e-6`, async () => {
      for (const example of workedExamples[kernel]) await checkExample(example, backend);
    });
  }

  for (const { title, check } of contractCases) {
    Deno.test(`${name}: ${title}`, async () => {
      await using backend = await createWasmBackend({ threads });
      await check(backend);
    });
  }
}

Deno.test("wasm: every case gives the same bits with one thread and with two", async () => {
  await using one = await createWasmBackend({ threads: 1 });
  await using two = await createWasmBackend({ threads: 2, grain: 0 });
  for (const test of [...kernelCases, ...programCases]) {
    await compareBackends(test, { backend: two, reference: one, tolerance: 0 });
  }
});

Deno.test("wasm without relaxed SIMD: every case matches the reference within its tolerance", async () => {
  await using backend = await createWasmBackend({ threads: 1, relaxedSimd: false });
  for (const test of [...kernelCases, ...programCases]) await compareBackends(test, { backend, reference });
});
