/**
 * Training on WebGPU beside training on WASM: the same losses.
 *
 * @module
 */
import { assert, assertLessOrEqual } from "@std/assert";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { createWebGpuBackend, findAdapter } from "../../backends/webgpu/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { seededBatch, tinyModel, tinyStep } from "./tiny_training.ts";

const adapter = await findAdapter();
const batches = ["a", "b", "c"].map((name) => seededBatch(name));

/** The losses of 50 updates of all parameters. */
async function lossesOn(backend: Backend, options: Record<string, unknown>): Promise<number[]> {
  const { step } = tinyStep(backend, { model: tinyModel(options) });
  using _ = step;
  const losses: number[] = [];
  for (let i = 0; i < 50; i++) {
    losses.push((await step.backward(batches[i % batches.length]!)).total);
    await step.update(3e-3);
  }
  return losses;
}

if (typeof adapter === "string") console.log(`webgpu: no test of this file runs, for ${adapter}`);
else {
  const experts = { use_moe: true, num_experts: 4, num_experts_per_tok: 2 };
  for (const [name, options] of Object.entries({ "a dense model": {}, "a mixture of experts": experts })) {
    Deno.test(`50 updates of ${name} on webgpu have the losses of wasm within 1e-4 of each`, async () => {
      await using wasm = await createWasmBackend({ threads: 1 });
      await using webgpu = await createWebGpuBackend();
      const expected = await lossesOn(wasm, options), losses = await lossesOn(webgpu, options);
      const differences = losses.map((loss, i) => Math.abs(loss - expected[i]!) / expected[i]!);
      assertLessOrEqual(Math.max(...differences), 1e-4);
      assert(losses.at(-1)! < losses[0]! / 2, losses.join());
    });
  }
}
