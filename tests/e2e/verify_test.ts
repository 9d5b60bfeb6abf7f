import { assertEquals, assertMatch } from "@std/assert";

const door = new URL("../../mod.ts", import.meta.url).href;
const root = new URL("../../", import.meta.url);

/** Runs `minimind verify` in the project's folder with the permissions that its task grants. */
async function verify(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-env=MINIMIND_DEBUG", door, "verify", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("minimind verify prints a line per stage and a count, and succeeds on the committed goldens", async () => {
  const { code, stdout, stderr } = await verify("--only", "v3-dense|rope");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^passed {3}v3-dense {2}img1\.logits {2}largest difference \S+, tolerance 2e-4$/m);
  assertMatch(stdout, /^passed {3}v3-dense {2}training\.freeze_llm_2\.parameters {2}rms \S+ of 5\.0e-6, /m);
  assertMatch(stdout, /\n\d+ passed, 0 failed, 0 skipped in \d+\.\d s\n$/);
});

Deno.test("minimind verify fails where nothing matches, no folder is, or the backend is unknown", async () => {
  const nothing = await verify("--only", "no such case");
  assertEquals(nothing.code, 1);
  assertMatch(nothing.stdout, /^failed .* no case matches/);
  const nowhere = await verify("no/such/folder");
  assertEquals(nowhere, {
    code: 1,
    stdout: "",
    stderr: `minimind: Cannot verify "no/such/folder": there is no such folder\n`,
  });
  const unknown = await verify("--backend", "abacus");
  assertEquals(unknown.code, 1);
  assertMatch(unknown.stderr, /^minimind: Cannot verify with backend "abacus"/);
  assertEquals((await verify("--backend", "reference", "--threads", "2")).code, 1);
});
