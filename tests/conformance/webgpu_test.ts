/**
 * The WebGPU backend against the reference, where there is an adapter.
 *
 * Cases of a kernel run side by side: most of a case is waiting for numbers to come back from the device.
 *
 * @module
 */
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWebGpuBackend, findAdapter } from "../../backends/webgpu/mod.ts";
import { contractCases } from "./backend_cases.ts";
import type { BackendCase } from "./case.ts";
import { checkExample, compareBackends } from "./check_backend.ts";
import { kernelCases, kernelNames } from "./kernel_cases.ts";
import { programCases } from "./program_cases.ts";
import { workedExamples } from "./worked_examples.ts";

/** Cases under way at once. */
const AT_ONCE = 16;

const reference = createReferenceBackend();
const adapter = await findAdapter();

if (typeof adapter === "string") console.log(`webgpu: no test of this file runs, for ${adapter}`);
else {
  const backend = await createWebGpuBackend();
  Deno.test.afterAll(() => backend[Symbol.asyncDispose]());

  /** Runs checks side by side; throws what each failed one has to say. */
  const all = async <Item>(items: readonly Item[], check: (item: Item) => Promise<unknown>) => {
    const failures: string[] = [];
    const left = [...items];
    const work = async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) {
        await check(item).catch((error: Error) => failures.push(error.message));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failures.length > 0) throw new Error(`${failures.length} of ${items.length}:\n${failures.join("\n")}`);
  };
  const compareAll = (cases: readonly BackendCase[]) =>
    all(cases, (test) => compareBackends(test, { backend, reference }));

  for (const kernel of kernelNames) {
    const cases = kernelCases.filter((test) => test.kernel === kernel);
    Deno.test(`webgpu: ${kernel}() matches the reference in ${cases.length} cases within their tolerances`, () => {
      return compareAll(cases);
    });
    Deno.test(`webgpu: ${kernel}() gives the numbers of the worked examples within 1e-6`, () => {
      return all(workedExamples[kernel], (example) => checkExample(example, backend));
    });
  }

  for (const test of programCases) {
    Deno.test(`webgpu: ${test.title}`, async () => void await compareBackends(test, { backend, reference }));
  }

  for (const { title, check } of contractCases) {
    Deno.test(`webgpu: ${title}`, () => check(backend));
  }
}
