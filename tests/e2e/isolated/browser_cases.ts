/**
 * The library's bundle in pages of headless Chromium; the browser's path is the only argument.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Job, Outcome } from "../runtimes/job.ts";
import { servePages } from "../runtimes/page_server.ts";
import { complaintsOf, launchChromium } from "../runtimes/playwright.ts";
import { setUp } from "../runtimes/setup.ts";

/** What a page gives: the outcome, and the types of the events that came before it. */
interface Run {
  readonly outcome: Outcome;
  readonly events: readonly string[];
}

/** Does a job in a module worker, which posts the events of the answers. Runs in the page. */
function inWorker(job: Job): Promise<Run> {
  const events: string[] = [];
  return new Promise((resolve, reject) => {
    const worker = new Worker("/worker.js", { type: "module" });
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data: { event, outcome, error } }) => {
      if (event !== undefined) events.push(event.type);
      if (outcome !== undefined) resolve({ outcome, events });
      if (error !== undefined) reject(new Error(error));
    };
    worker.postMessage({ module: "./job.js", job });
  });
}

/** Does a job on the page's main thread. Runs in the page. */
async function inPage(job: Job): Promise<Run> {
  const module = "/job.js";
  const { runJob }: typeof import("../runtimes/job.ts") = await import(module);
  const events: string[] = [];
  const outcome = await runJob(job, ({ type }) => void events.push(type));
  return { outcome, events };
}

/** A host here that browsers do not trust as they do 127.0.0.1: no shared memory, no `crypto.subtle`. */
const strangeHost = "minimind.test";

const flags = [
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  `--host-resolver-rules=MAP ${strangeHost} 127.0.0.1`,
];

Deno.test("a bundle of mod.ts chats in Chromium as in Deno, bit for bit and without a word on the console", async (t) => {
  await using setup = await setUp();
  await using server = servePages(setup.folder, { isolated: "127.0.0.1" });
  const browser = await launchChromium(flags);

  const run = async (where: (job: Job) => Promise<Run>, job: Pick<Job, "threads" | "idle">, host = "127.0.0.1") => {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    const base = `http://${host}:${server.port}/`;
    await page.goto(base);
    const config = { model: "model/model.safetensors", tokenizer: "model" };
    const result = await page.evaluate(where, {
      library: `${base}mod.js`,
      config,
      images: setup.images,
      ...job,
    });
    await page.close();
    assertEquals(complaints, []);
    return result;
  };

  const stuck = setTimeout(() => browser.close(), 120_000);
  try {
    await t.step("in a module worker of an isolated page, on two threads, events one by one", async () => {
      const { outcome, events } = await run(inWorker, { threads: 2 });
      assertEquals(outcome, { ...setup.expected, threads: 2 });
      assertMatch(events.join(" "), /^(text-delta ){2,}finish (text-delta ){2,}finish$/);
    });
    await t.step("in a module worker of a page that shares no memory, on one thread, saying so once", async () => {
      const { outcome } = await run(inWorker, { threads: 2 }, strangeHost);
      const notices = ["running on 1 of 2 threads: shared memory or workers are missing here"];
      assertEquals(outcome, { ...setup.expected, notices });
    });
    await t.step("on the main thread of an isolated page, which may not sleep, alone", async () => {
      assertEquals((await run(inPage, { threads: 1 })).outcome, setup.expected);
    });
    await t.step(
      "on the main thread of an isolated page, with a worker that ends in a pause and is missed",
      async () => {
        assertEquals((await run(inPage, { threads: 2, idle: 5500 })).outcome, { ...setup.expected, threads: 2 });
      },
    );
  } finally {
    clearTimeout(stuck);
    await browser.close();
  }
});
