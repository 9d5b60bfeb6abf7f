/**
 * The WebGPU backend with f16 against the reference, where the adapter has it. Weights that are held in f16 and lose
 * nothing by it must give what f32 gives, for sums are f32; products of operands that are rounded to f16 may be as far away as
 * that.
 *
 * @module
 */
import { assert } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWebGpuBackend, findAdapter, openDevice } from "../../backends/webgpu/mod.ts";
import type { Backend } from "../../core/backend.ts";
import type { KernelName } from "../../core/graph/kernels.ts";
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

/** Kernels that read a weight, and those that only multiply. */
const readers = [
  "linear",
  "embedding",
  "groupedLinear",
  "crossEntropy",
  "linearBackwardInput",
  "groupedLinearBackwardInput",
  "crossEntropyBackward",
] as const;
const products = [
  "linear",
  "groupedLinear",
  "crossEntropy",
  "linearBackwardInput",
  "linearBackwardWeight",
  "groupedLinearBackwardInput",
  "groupedLinearBackwardWeight",
  "crossEntropyBackward",
] as const;

/** Cases of a kernel: of many, which differ in what halves have no part in and take a pipeline each, every fifth. */
function casesOf(kernel: KernelName): readonly BackendCase[] {
  const all = kernelCases.filter((test) => test.kernel === kernel);
  return all.length > 50 ? all.filter((_, i) => i % 5 === 0) : all;
}

if (missing !== undefined) console.log(`webgpu: no test of this file runs, for ${missing}`);
else {
  const device = await openDevice();
  Deno.test.afterAll(() => device[Symbol.dispose]());
  const halved = await createWebGpuBackend({ device, weights: "f16" });
  const full = await createWebGpuBackend({ device });
  const multiplying: Backend = {
    name: "webgpu",
    capabilities: full.capabilities,
    alloc: (spec) => full.alloc(spec),
    free: (storage) => full.free(storage),
    write: (storage, data, offset) => full.write(storage, data, offset),
    read: (storage) => full.read(storage),
    load: (plan, storages) => full.load({ ...plan, products: "f16" }, storages),
    [Symbol.asyncDispose]: () => full[Symbol.asyncDispose](),
  };

  /** Compares all cases and gives the largest difference. */
  const compareAll = async (
    cases: readonly BackendCase[],
    options: { readonly backend: Backend; readonly tolerance?: number },
  ) => {
    const outcomes = await Promise.allSettled(cases.map((test) => compareBackends(test, { ...options, reference })));
    const failures = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason.message] : []);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    return Math.max(...outcomes.map((outcome) => outcome.status === "fulfilled" ? outcome.value : Infinity));
  };

  for (const kernel of readers) {
    const cases = casesOf(kernel).map(rounded);
    const title =
      `${kernel}() of weights in f16 matches the reference in ${cases.length} cases within their tolerances`;
    Deno.test(`webgpu: ${title}`, async () => void await compareAll(cases, { backend: halved }));
  }

  for (const kernel of products) {
    const cases = casesOf(kernel);
    const title = `${kernel}() of operands in f16 is within 1e-2 of the reference in ${cases.length} cases`;
    Deno.test(`webgpu: ${title}, and further away than f32`, async () => {
      const largest = await compareAll(cases, { backend: multiplying, tolerance: 1e-2 });
      assert(largest > 1e-4, `${largest}`);
    });
  }
}
