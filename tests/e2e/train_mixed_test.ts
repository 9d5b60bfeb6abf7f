/**
 * `--dtype float16`: mixed precision where the backend has f16, and a line that says so where it has not.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findAdapter } from "../../backends/webgpu/mod.ts";
import { parseMetrics } from "../../trainers/metrics.ts";
import { imageFolder, minimind, prepareTraining } from "./train_runs.ts";

const adapter = await findAdapter();

/** Trains one epoch on a backend. */
async function trained(folder: string, backend: string, ...flags: string[]): Promise<{ code: number; stderr: string }> {
  const data = ["--data", `${folder}/rows.jsonl`, "--images", imageFolder, "--model", `${folder}/model`];
  const rest = ["--out", `${folder}/${backend}`, "--backend", backend, "--epochs", "1", "--batch-size", "3"];
  const run = await minimind(["train", "pretrain", ...data, ...rest, "--samples", "0", "--max-seq-len", "96", ...flags])
    .output();
  return { code: run.code, stderr: new TextDecoder().decode(run.stderr) };
}

Deno.test("train --dtype float16 on wasm says that it changes nothing, and trains", async () => {
  await using place = await prepareTraining();
  const { code, stderr } = await trained(place.folder, "wasm", "--dtype", "float16");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "--dtype float16 changes nothing here: everything computes in float32");
});

if (typeof adapter === "string" || !adapter.features.has("shader-f16")) {
  console.log("train: --dtype float16 is not tried on webgpu, for there is no adapter with shader-f16");
} else {
  Deno.test("train --dtype float16 on webgpu tells its loss scale, and goes on only with the same", async () => {
    await using place = await prepareTraining();
    const { code, stderr } = await trained(place.folder, "webgpu", "--dtype", "float16");
    assertEquals(code, 0, stderr);
    assert(!stderr.includes("--dtype"), stderr);
    const records = parseMetrics(await Deno.readTextFile(`${place.folder}/webgpu/metrics.jsonl`));
    assert(records.length > 0);
    for (const record of records) assert("lossScale" in record && record.lossScale! >= 1, JSON.stringify(record));
    const other = await trained(place.folder, "webgpu", "--from-resume", "1", "--dtype", "float32");
    assertEquals(other.code, 1);
    assertStringIncludes(other.stderr, 'Cannot go on with the run: precision was "f16", is undefined');
  });
}
