/**
 * The kernels on memories of every kind.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { compileKernels } from "../../backends/wasm/binary.ts";
import { createMemory, MAX_PAGES } from "../../backends/wasm/memory.ts";

const sizes = (pages: number) => ({ initial: pages, maximum: pages, shared: true });

for (const relaxed of [true, false]) {
  const build = relaxed ? "with relaxed SIMD" : "with plain SIMD";

  Deno.test(`compileKernels() ${build} takes a memory that grows, shared or not`, async () => {
    for (const shared of [true, false]) {
      const { module } = await compileKernels({ shared, relaxed });
      const memory = new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared });
      await WebAssembly.instantiate(module, { env: { memory } });
    }
  });

  Deno.test(`compileKernels() ${build} takes a shared memory of the size it is told, and no other`, async () => {
    for (const fixedPages of [16_384, 32_768, MAX_PAGES]) {
      const { module } = await compileKernels({ shared: true, fixedPages, relaxed });
      await WebAssembly.instantiate(module, { env: { memory: new WebAssembly.Memory(sizes(fixedPages)) } });
      const memory = new WebAssembly.Memory(sizes(fixedPages / 2));
      await assertRejects(() => WebAssembly.instantiate(module, { env: { memory } }), WebAssembly.LinkError);
    }
  });
}

Deno.test("createMemory() grows alone, and is as large as can be under Deno when shared", () => {
  const alone = createMemory(false), shared = createMemory(true);
  assertEquals(alone.fixedPages, undefined);
  assertEquals(alone.memory.buffer.byteLength, 2 ** 20);
  assertEquals(shared.memory.buffer.byteLength, shared.fixedPages! * 2 ** 16);
});
