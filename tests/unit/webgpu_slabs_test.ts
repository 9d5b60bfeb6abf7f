/**
 * Buffers that storages share, where there is an adapter.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createWebGpuBackend, findAdapter, openDevice } from "../../backends/webgpu/mod.ts";
import { type Region, Slabs } from "../../backends/webgpu/slabs.ts";
import { uniform } from "../../core/sampling.ts";

const adapter = await findAdapter();

/** Whether two regions share a byte. */
function overlap(a: Region, b: Region): boolean {
  return a.buffer === b.buffer && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

if (typeof adapter === "string") {
  console.log(`webgpu: no test of this file runs, for ${adapter}`);
} else {
  Deno.test("Slabs hands out regions that never overlap, and keeps no buffer with nothing in it", async () => {
    using gpu = await openDevice();
    const slabs = new Slabs(gpu.device);
    const held: Region[] = [];
    for (let i = 0; i < 600; i++) {
      if (uniform(1, i) < 0.4 && held.length > 0) {
        slabs.give(held.splice(Math.floor(uniform(2, i) * held.length), 1)[0]!);
      }
      const region = slabs.take(Math.ceil(4 * 10 ** (4 * uniform(3, i))));
      assertEquals([region.offset % 256, region.bytes % 256], [0, 0]);
      assert(region.offset + region.bytes <= region.buffer.size);
      assert(!held.some((other) => overlap(other, region)));
      held.push(region);
    }
    const used = held.reduce((sum, { bytes }) => sum + bytes, 0);
    assert(slabs.bytes < 3 * used, `${slabs.bytes} bytes for ${used}`);
    for (const region of held.toReversed()) slabs.give(region);
    assertEquals(slabs.bytes, 0);
    await gpu.device.queue.onSubmittedWorkDone();
    assert(gpu.health.fine);
  });

  Deno.test("alloc() zeroes memory that another storage has left, and leaves its neighbours alone", async () => {
    await using backend = await createWebGpuBackend();
    const spec = { name: "x", dtype: "f32", layout: "rows", shape: [100] } as const;
    const [first, second, third] = [backend.alloc(spec), backend.alloc(spec), backend.alloc(spec)];
    const ones = new Float32Array(100).fill(1);
    for (const storage of [first, second, third]) backend.write(storage, ones);
    const before = backend.usedBytes;
    backend.free(second);
    const again = backend.alloc({ ...spec, shape: [90] });
    assertEquals(backend.usedBytes, before);
    assertEquals(await backend.read(again), new Float32Array(90));
    assertEquals([await backend.read(first), await backend.read(third)], [ones, ones]);
  });
}
