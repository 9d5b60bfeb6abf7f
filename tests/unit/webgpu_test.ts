/**
 * The WebGPU backend beyond its kernels: its self-test, what a token costs, memory, and the end of a device.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { createWebGpuBackend, describeAdapter, findAdapter, findFault, openDevice } from "../../backends/webgpu/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { createGenerator, type GenerateOptions } from "../../core/generate.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { bindModel } from "../../core/model_plans.ts";
import webgpu from "../../plugins/webgpu.ts";
import { model, weights } from "./tiny_generation.ts";

const adapter = await findAdapter();
const readFile = () => Promise.reject(new Error("no file is needed"));

async function answer(backend: Backend, options: GenerateOptions): Promise<number[]> {
  using generator = createGenerator(backend, model, {
    weights: bindModel(backend, model, { sources: [weights] }),
    context: 64,
  });
  return await Array.fromAsync(generator.generate(options));
}

/** The buffers of a device that were made from now on and not destroyed. */
function liveBuffers(device: GPUDevice): Set<GPUBuffer> {
  const living = new Set<GPUBuffer>();
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      living.delete(buffer);
      return destroy();
    };
    living.add(buffer);
    return buffer;
  };
  return living;
}

function bytesOf(buffers: Iterable<GPUBuffer>): number {
  return [...buffers].reduce((sum, { size }) => sum + size, 0);
}

Deno.test("findFault() accepts a backend that computes right and says what another one computes", async () => {
  const reference = createReferenceBackend();
  assertEquals(await findFault(reference), undefined);
  const doubling: Backend = {
    ...reference,
    write: (storage, data) => reference.write(storage, data.map((value) => 2 * value) as typeof data),
  };
  assertEquals(await findFault(doubling), "its matrix product gives 41 where 20.5 is right");
});

if (typeof adapter === "string") {
  console.log(`webgpu: most tests of this file do not run, for ${adapter}`);
  Deno.test("createWebGpuBackend() says why there is no device", async () => {
    const error = await assertRejects(() => createWebGpuBackend(), Error);
    assertMatch(error.message, /^Cannot create backend "webgpu": \S/);
  });
} else {
  Deno.test("the webgpu plugin makes a backend that has passed its self-test", async () => {
    const notices: string[] = [];
    await using backend = await webgpu.create({}, { readFile, notice: (notice) => notices.push(notice) });
    assertEquals(backend.name, "webgpu");
    assertEquals(notices.length, describeAdapter(adapter).software ? 1 : 0);
  });

  Deno.test("generate() on webgpu draws the ids that wasm draws, one submission and one read a token at most", async () => {
    await using wasm = await createWasmBackend({ threads: 1 });
    await using backend = await createWebGpuBackend();
    const ids = [3, 1, 4, 5, 2, 6, 5, 3, 5, 2, 4, 1, 3, 6, 2, 5]; // as many as are taken in at once
    for (const sampling of [{}, { temperature: 0.9, topK: 20, topP: 0.9, repetitionPenalty: 1.2, seed: 7 }]) {
      const options = { ids, maxNewTokens: 12, sampling };
      const before = { ...backend.counts };
      const drawn = await answer(backend, options);
      assertEquals(drawn, await answer(wasm, options));
      assert(backend.counts.submissions - before.submissions <= drawn.length);
      assert(backend.counts.reads - before.reads <= drawn.length);
    }
  });

  Deno.test("usedBytes stays the same over 100 programs, and is 0 when all is freed", async () => {
    await using backend = await createWebGpuBackend();
    const graph = new Graph();
    graph.output("y", graph.scale(graph.input("x", "f32", [64, 64]), 2));
    const plan = planGraph(graph);
    const used = new Set<number>();
    for (let i = 0; i < 100; i++) {
      using program = backend.load(plan, new Map());
      program.run();
      used.add(backend.usedBytes);
    }
    assertEquals(used.size, 1);
    assert([...used][0]! >= plan.arenaBytes);
    assertEquals(backend.usedBytes, 0);
  });

  Deno.test("usedBytes counts every buffer; 20 generations leave it as it was, disposal all but what was read through", async () => {
    using device = await openDevice();
    const living = liveBuffers(device.device);
    {
      await using backend = await createWebGpuBackend({ device });
      const ids = [3, 1, 4, 5, 2, 6, 5, 3];
      const storages = bindModel(backend, model, { sources: [weights] });
      const bound = backend.usedBytes;
      const used = new Set<number>();
      {
        using generator = createGenerator(backend, model, { weights: storages, context: 64 });
        for (let i = 0; i < 20; i++) {
          await Array.fromAsync(generator.generate({ ids: ids.toSpliced(i % 8, 1, i), maxNewTokens: 3 }));
          used.add(backend.usedBytes);
          assertEquals(backend.usedBytes, bytesOf(living));
        }
      }
      assertEquals(used.size, 1);
      const readers = [...living].filter(({ usage }) => usage & GPUBufferUsage.MAP_READ);
      assertEquals(readers.length, 1);
      assertEquals(backend.usedBytes, bound + bytesOf(readers));
      assertEquals(backend.usedBytes, bytesOf(living));
      for (const storage of storages.values()) backend.free(storage);
      assertEquals([...living], readers);
    }
    assertEquals(living.size, 0);
  });

  Deno.test("a read under way when its backend is disposed leaves no buffer", async () => {
    using device = await openDevice();
    const living = liveBuffers(device.device);
    const backend = await createWebGpuBackend({ device });
    const storage = backend.alloc({ name: "x", dtype: "f32", layout: "rows", shape: [4] });
    const reads = Promise.allSettled([backend.read(storage), backend.read(storage)]);
    assertEquals(living.size, 3);
    await backend[Symbol.asyncDispose]();
    await reads;
    assertEquals(living.size, 0);
    assertEquals(backend.usedBytes, 0);
  });

  Deno.test("alloc() refuses what the device cannot bind at once", async () => {
    await using backend = await createWebGpuBackend();
    const shape = [backend.capabilities.maxStorageBytes / 4 + 1];
    const spec = { name: "huge", dtype: "f32", layout: "rows", shape } as const;
    const error = assertThrows(() => backend.alloc(spec), RangeError);
    assertMatch(
      error.message,
      /^Cannot allocate "huge": \d+ bytes, a shader of this device takes \d+ at once; a cache is/,
    );
  });

  Deno.test("a device whose memory is full is an error that says what needs less", async () => {
    using device = await openDevice();
    await using backend = await createWebGpuBackend({ device });
    const error = new GPUOutOfMemoryError("not enough memory left");
    device.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
    const spec = { name: "x", dtype: "f32", layout: "rows", shape: [4] } as const;
    const thrown = assertThrows(() => backend.alloc(spec), Error);
    assertMatch(thrown.message, /^Cannot allocate on "webgpu": not enough memory left; its memory is full: take fewer/);
  });

  Deno.test("a device that is gone is an error that says so, for all backends on it", async () => {
    const device = await openDevice();
    const backend = await createWebGpuBackend({ device });
    const storage = backend.alloc({ name: "x", dtype: "f32", layout: "rows", shape: [4] });
    assertEquals(await backend.read(storage), new Float32Array(4));
    device[Symbol.dispose]();
    await device.device.lost;
    const error = await assertRejects(() => backend.read(storage), Error);
    assertEquals(error.message, 'Cannot read from "webgpu": its backend was disposed');
  });

  Deno.test("a device that is lost is told of and an error that says what to do; a backend given back is not lost", async () => {
    const device = await openDevice();
    await using backend = await createWebGpuBackend({ device });
    const storage = backend.alloc({ name: "x", dtype: "f32", layout: "rows", shape: [4] });
    device.device.destroy(); // by somebody else, as a driver may
    assertMatch(await backend.lost, /^the device was lost/);
    const error = assertThrows(() => backend.alloc(storage.spec), Error);
    assertMatch(
      error.message,
      /^Cannot allocate on "webgpu": the device was lost.*; create the backend anew and load again$/,
    );
    await assertRejects(() => backend.read(storage), Error, error.message.replace("allocate on", "read from"));

    const other = await createWebGpuBackend();
    assertEquals(await other.read(other.alloc(storage.spec)), new Float32Array(4));
    await other[Symbol.asyncDispose]();
    const later = new Promise((resolve) => setTimeout(resolve, 100, "not lost"));
    assertEquals(await Promise.race([other.lost, later]), "not lost");
  });
}
