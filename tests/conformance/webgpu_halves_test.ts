/**
 * The WebGPU backend with weights in halves against the reference, where the adapter has f16: with weights that halves
 * hold exactly it must be as near as with f32, for sums are f32.
 *
 * @module
 */
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWebGpuBackend, findAdapter } from "../../backends/webgpu/mod.ts";
import { widenFloat16 } from "../../data/half_precision.ts";
import { narrowFloat16 } from "../../data/narrow_floats.ts";
import type { BackendCase } from "./case.ts";
import { compareBackends } from "./check_backend.ts";
import { kernelCases } from "./kernel_cases.ts";

const reference = createReferenceBackend();
const adapter = await findAdapter();
const missing = typeof adapter === "string"
  ? adapter
  : adapter.features.has("shader-f16")
  ? undefined
  : "the adapter has no shader-f16";

/** The same case with weights rounded to halves. */
function rounded(test: BackendCase): BackendCase {
  const build = () => {
    const built = test.build();
    for (const { name, layout, role } of built.graph.named.values()) {
      if (layout !== "matrix" || role !== "parameter") continue;
      built.values.set(name, widenFloat16(narrowFloat16(built.values.get(name) as Float32Array)));
    }
    return built;
  };
  return { ...test, build };
}

const kernels = [
  "linear",
  "embedding",
  "groupedLinear",
  "crossEntropy",
  "linearBackwardInput",
  "groupedLinearBackwardInput",
  "crossEntropyBackward",
] as const;

if (missing !== undefined) console.log(`webgpu: no test of this file runs, for ${missing}`);
else {
  const backend = await createWebGpuBackend({ weights: "f16" });
  Deno.test.afterAll(() => backend[Symbol.asyncDispose]());
  for (const kernel of kernels) {
    const all = kernelCases.filter((test) => test.kernel === kernel);
    // Many differ in what halves have no part in, and each takes a pipeline or more.
    const cases = all.length > 50 ? all.filter((_, i) => i % 5 === 0) : all;
    const title =
      `${kernel}() of weights in f16 matches the reference in ${cases.length} cases within their tolerances`;
    Deno.test(`webgpu: ${title}`, async () => {
      const outcomes = await Promise.allSettled(
        cases.map((test) => compareBackends(rounded(test), { backend, reference })),
      );
      const failures = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason.message] : []);
      if (failures.length > 0) throw new Error(failures.join("\n"));
    });
  }
}
