import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

const door = new URL("../../mod.ts", import.meta.url).href;

/** Runs the command line in a process of its own with the permissions that the tasks grant. */
async function minimind(args: string[], env: Record<string, string> = {}): Promise<{
  code: number;
  stdout: string;
  stderr: string;
}> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-env=MINIMIND_DEBUG", door, ...args],
    env: { NO_COLOR: "1", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("minimind --version prints the version of the package", async () => {
  assertEquals(await minimind(["--version"]), { code: 0, stdout: `minimind ${config.version}\n`, stderr: "" });
});

Deno.test("minimind --help lists every command, and a command's help its flags and examples", async () => {
  const all = await minimind(["--help"]);
  assertEquals(all.code, 0);
  assertMatch(all.stdout, /^ {2}verify {2,}\S/m);
  const one = await minimind(["verify", "--help"]);
  assertEquals(one.code, 0);
  assertMatch(one.stdout, /^Usage: minimind verify/m);
  assertMatch(one.stdout, /^ {2}--backend /m);
  assertMatch(one.stdout, /^Examples:\n {2}minimind verify/m);
  assertEquals(await minimind(["help", "verify"]), one);
});

Deno.test("minimind without a command shows the help and fails", async () => {
  const { code, stdout } = await minimind([]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "Usage: minimind COMMAND");
});

Deno.test("minimind names the command that was meant, in one line and with exit code 1", async () => {
  const { code, stdout, stderr } = await minimind(["verfy"]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^minimind: Cannot run "verfy": did you mean verify\? there are .*verify.*\n$/);
});

Deno.test("minimind shows the stack trace of an error only when asked to", async () => {
  const wrong = ["verify", "--bakend", "wasm"];
  const { code, stderr } = await minimind(wrong);
  assertEquals([code, stderr], [1, `minimind: Cannot read flag "--bakend": did you mean --backend?\n`]);
  assertNotMatch(stderr, /^\s+at /m);
  assertMatch((await minimind(wrong, { MINIMIND_DEBUG: "1" })).stderr, /^\s+at /m);
});

Deno.test("minimind needs no permission to read the environment", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", door, "nonsense"],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 1);
  assertMatch(new TextDecoder().decode(stderr), /^minimind: Cannot run "nonsense"/);
});

Deno.test("minimind finds a command by its other name", async () => {
  const [convert, other] = [await minimind(["convert", "--help"]), await minimind(["export", "--help"])];
  assertEquals(other, convert);
  assertEquals(other.code, 0);
});
