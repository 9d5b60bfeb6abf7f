/**
 * The library's bundle in Node.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { loadEsbuild } from "../../tools/bundle.ts";
import type { Job, Outcome } from "./runtimes/job.ts";
import { modelIn, type Setup, setUp } from "./runtimes/setup.ts";

const absent = await new Deno.Command("node", { args: ["--version"], stdout: "null" }).output().then(
  ({ success }) => !success,
  () => true,
);
if (absent) console.log("there is no Node here: its tests are left out");

/** Milliseconds after which an idle thread ends. */
const idle = 5000;

/** Does the job of its argument, and tells when it was done. */
const script = `import { runJob } from "./job.js";
const outcome = await runJob(JSON.parse(process.argv[2]));
process.stdout.write(JSON.stringify({ outcome, end: Date.now() }));
`;

/** Says which files the demo has. */
const demoScript = `import { openDemo } from "./mod.js";
process.stdout.write(String(await (await openDemo()).list()));
`;

/** Does a job in a Node process; also tells how many milliseconds the process outlived it. */
async function runInNode(
  { folder, images }: Setup,
  job: Partial<Job> & Pick<Job, "threads">,
): Promise<{ outcome: Outcome; lingered: number }> {
  const main = new URL("main.mjs", folder);
  await Deno.writeTextFile(main, script);
  const whole: Job = { library: new URL("mod.js", folder).href, config: modelIn(folder), images, ...job };
  const { success, stdout, stderr } = await new Deno.Command("node", {
    args: [main.pathname, JSON.stringify(whole)],
    signal: AbortSignal.timeout(30_000),
  }).output();
  const exit = Date.now();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
  const { outcome, end }: { outcome: Outcome; end: number } = JSON.parse(new TextDecoder().decode(stdout));
  return { outcome, lingered: exit - end };
}

Deno.test({
  name: "a bundle of mod.ts chats in Node as in Deno bit for bit, on one thread and on two, and lets the process end",
  ignore: absent,
  fn: async () => {
    await using setup = await setUp();
    const [one, two, forgotten] = await Promise.all([
      runInNode(setup, { threads: 1 }),
      runInNode(setup, { threads: 2 }),
      runInNode(setup, { threads: 2, forget: true, idle: idle + 500 }),
    ]);
    assertEquals(one.outcome, setup.expected);
    assertEquals(two.outcome, { ...setup.expected, threads: 2 });
    assertEquals(forgotten.outcome, two.outcome);
    assertLess(Math.max(one.lingered, two.lingered), idle);
    assertLess(forgotten.lingered, 3 * idle);
  },
});

Deno.test({
  name: "the demo opens in Node without a bundler too, which imports no texts",
  ignore: absent,
  fn: async () => {
    const demo = new URL("../../models/demo/", import.meta.url);
    const folder = await Deno.makeTempDir();
    const esbuild = await loadEsbuild();
    try {
      for (const [from, to] of [["mod.ts", "mod.js"], ["../../core/base64.ts", "base64.js"]] as const) {
        const text = (await Deno.readTextFile(new URL(from, demo))).replace("../../core/base64.ts", "./base64.js");
        const { code } = await esbuild.transform(text, { loader: "ts", format: "esm" });
        await Deno.writeTextFile(`${folder}/${to}`, code);
      }
      await Deno.writeTextFile(`${folder}/package.json`, `{ "type": "module" }`);
      await Deno.copyFile(new URL("demo.json", demo), `${folder}/demo.json`);
      await Deno.writeTextFile(`${folder}/main.mjs`, demoScript);
      const { stdout, stderr } = await new Deno.Command("node", { args: [`${folder}/main.mjs`] }).output();
      const names = Object.keys(JSON.parse(await Deno.readTextFile(new URL("demo.json", demo))));
      assertEquals(new TextDecoder().decode(stdout), `${names}`, new TextDecoder().decode(stderr));
    } finally {
      await esbuild.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
