/**
 * The engine in workers of pages of headless Chromium; the browser's path is the only argument.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { createWasmBackend } from "../../../backends/wasm/mod.ts";
import { filesOnDisk } from "../../../cli/verify/case_files.ts";
import { bundle } from "../../../tools/bundle.ts";
import { type EngineJob, type EngineOutcome, trainTiny } from "../runtimes/engine_job.ts";
import { servePages } from "../runtimes/page_server.ts";
import { complaintsOf, launchChromium } from "../runtimes/playwright.ts";

const root = new URL("../../../", import.meta.url);
const goldens = new URL("tests/fixtures/goldens", root);

/** What a page saw: the outcome, and the longest time between two of its frames, in milliseconds. */
interface Run {
  readonly outcome: EngineOutcome;
  readonly longestFrame: number;
}

/** Does a job in a module worker while the page draws. Runs in the page. */
async function inWorker(job: EngineJob): Promise<Run> {
  let [last, longestFrame, over] = [performance.now(), 0, false];
  const frame = () => {
    longestFrame = Math.max(longestFrame, performance.now() - last);
    last = performance.now();
    if (!over) setTimeout(frame, 16); // a headless page may have no frames
  };
  frame();
  const outcome = await new Promise<EngineOutcome>((resolve, reject) => {
    const worker = new Worker("/worker.js", { type: "module" });
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data: { outcome, error } }) => {
      if (outcome !== undefined) resolve(outcome);
      if (error !== undefined) reject(new Error(error));
    };
    worker.postMessage({ module: "./engine_job.js", job });
  });
  over = true;
  return { outcome, longestFrame };
}

/** A folder with the bundle of the job and the golden cases. */
async function setUp(): Promise<URL> {
  const folder = new URL(`file://${await Deno.makeTempDir()}/`);
  await bundle([new URL("tests/e2e/runtimes/engine_job.ts", root)], folder.pathname);
  for (const path of await filesOnDisk(goldens.pathname).list()) {
    const target = new URL(`goldens/${path}`, folder);
    await Deno.mkdir(new URL(".", target), { recursive: true });
    await Deno.copyFile(`${goldens.pathname}/${path}`, target);
  }
  const paths = await filesOnDisk(goldens.pathname).list();
  await Deno.writeTextFile(new URL("goldens/files.json", folder), JSON.stringify(paths));
  return folder;
}

Deno.test("the engine passes golden cases in Chromium and trains there as in Deno, within 1e-5", async (t) => {
  const folder = await setUp();
  await using server = servePages(folder, { isolated: "127.0.0.1" });
  await using wasm = await createWasmBackend({ threads: 1 });
  const expected = await trainTiny(wasm);
  const browser = await launchChromium(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]);

  /** Does a job; a page of the host `localhost` shares no memory between threads. */
  const run = async (job: Omit<EngineJob, "goldens">, host = "127.0.0.1") => {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    const base = `http://${host}:${server.port}/`;
    await page.goto(base);
    const { outcome, longestFrame } = await page.evaluate(inWorker, { ...job, goldens: `${base}goldens/` });
    await page.close();
    // A file that a case may have and does not is asked for all the same.
    assertEquals(complaints.filter((line) => !line.includes("status of 404")), []);
    assertEquals(outcome.failures, []);
    assertEquals(outcome.losses.length, 20);
    outcome.losses.forEach((loss, i) => assertAlmostEquals(loss, expected[i]!, 1e-5));
    assert(outcome.losses.at(-1)! < 0.8 * outcome.losses[0]!, `the loss does not fall: ${outcome.losses}`);
    assert(longestFrame < 2000, `the page stood still for ${longestFrame} ms`);
    return outcome;
  };

  const stuck = setTimeout(() => browser.close(), 240_000);
  try {
    await t.step("on wasm with two threads, where the page shares memory", async () => {
      const { threads, counts, notices } = await run({ backend: "wasm", threads: 2 });
      assertEquals([threads, counts.skipped, notices], [2, 0, []]);
      assert(counts.passed > 400);
    });
    await t.step("on wasm with one thread, where it does not", async () => {
      const { threads, counts } = await run({ backend: "wasm", threads: 2 }, "localhost");
      assertEquals([threads, counts.skipped], [1, 0]);
      assert(counts.passed > 400);
    });
    await t.step("on webgpu, on an adapter in software: a decoder, its gradients and its training", async () => {
      const { counts } = await run({ backend: "webgpu", only: "^v3-dense$" });
      assert(counts.passed > 100);
    });
  } finally {
    clearTimeout(stuck);
    await browser.close();
    await Deno.remove(folder, { recursive: true });
  }
});
