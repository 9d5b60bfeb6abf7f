/**
 * `deno task compile`: one binary that chats and serves with nothing beside it.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { RunningCommand } from "./run_command.ts";

const root = new URL("../../", import.meta.url);
const photo = new URL("examples/demo/images/dog.jpg", root).pathname;

/** What is in the binary, and what is only needed to build or test the package. */
const inside = [
  "demo.json",
  "kernels.generated.ts",
  "mozjpeg_glue.generated.js",
  "engine.generated.ts",
  "jinja",
  "hono",
];
const outside = ["assemblyscript", "binaryen", "@jsquash", "std_assert"];

interface Build {
  readonly success: boolean;
  readonly output: string;
}

/** Runs the task, but with no network beyond this machine, and into a file of its own. */
async function compile(file: string, env: Record<string, string> = {}): Promise<Build> {
  const args = config.tasks.compile.command.split(" ").slice(1).map((argument) =>
    argument === "--allow-net" ? "--allow-net=127.0.0.1" : argument === "minimind" ? file : argument
  );
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1", ...env } });
  const { success, stdout, stderr } = await command.output();
  return { success, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Whether this machine has, or can fetch, what Deno puts in front of a program. */
async function findRuntime(folder: string): Promise<boolean> {
  await Deno.writeTextFile(`${folder}/empty.ts`, "");
  const args = ["compile", "--no-config", "--output", `${folder}/empty`, `${folder}/empty.ts`];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
  assert(success || new TextDecoder().decode(stderr).includes("denort"), new TextDecoder().decode(stderr));
  return success;
}

const folder = await Deno.makeTempDir();
const runtime = await findRuntime(folder);
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));
if (!runtime) console.log("denort cannot be fetched here: the binary is built on Deno itself, and not run");

Deno.test("deno task compile packs kernels, codecs, the page, packages and the demo, and nothing that only builds them", async () => {
  const { success, output } = await compile(`${folder}/packed`, runtime ? {} : { DENORT_BIN: Deno.execPath() });
  assert(success, output);
  const listed = (name: string) => output.includes(` ${name} (`) || output.includes(` ${name}/`);
  assertEquals([...inside, ...outside].filter(listed), inside, output);
  const bytes = async (path: string | URL) => (await Deno.stat(path)).size;
  const base = runtime ? 0 : await bytes(Deno.execPath());
  const demo = await bytes(new URL("models/demo/demo.json", root));
  assertGreater(await bytes(`${folder}/packed`), base + demo);
  await Deno.remove(`${folder}/packed`);
});

if (runtime) {
  Deno.test("the compiled binary chats about a photo and serves, with an empty home and no network", async () => {
    const file = `${folder}/minimind`;
    assert((await compile(file)).success);
    const env = { HOME: folder, DENO_DIR: `${folder}/cache`, NO_COLOR: "1" };
    const args = ["chat", "--image", photo, "--prompt", "What is in the photo?", "--quiet"];
    const chat = await new Deno.Command(file, { args, cwd: folder, env, clearEnv: true, stdin: "null" }).output();
    assertEquals([chat.success, new TextDecoder().decode(chat.stderr)], [true, ""]);
    assertMatch(new TextDecoder().decode(chat.stdout), /\bdog\b/);

    await using server = new RunningCommand(file, ["serve", "--port", "0"], env);
    await server.until(({ stderr }) => /^keys /m.test(stderr));
    const url = /^API (\S+)\/v1$/m.exec(server.stderr)![1]!;
    assertEquals((await (await fetch(`${url}/health`)).json()).status, "ok");
    const body = JSON.stringify({ messages: [{ role: "user", content: "Hi" }], max_tokens: 3 });
    const answer = await (await fetch(`${url}/v1/chat/completions`, { method: "POST", body })).json();
    assertEquals(answer.choices.length, 1);
    assertEquals(await server.interrupted(), 0);
  });
}
