/**
 * Tests in headless Chromium, left out where there is none.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** The first of the browser's usual names that is a program here. */
async function findChromium(): Promise<string | undefined> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    for (const folder of folders) {
      const path = `${folder}/${name}`;
      if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
    }
  }
  return undefined;
}

const chromium = await findChromium();

/** Declares a test: the file of cases passes, so many steps. */
export function testInChromium(name: string, { file, steps }: { readonly file: string; readonly steps: number }): void {
  if (chromium === undefined) console.log(`there is no Chromium here, so this is left out: ${name}`);
  Deno.test({
    name,
    ignore: chromium === undefined,
    fn: async () => {
      // In a process of its own, because Playwright must not become the project's dependency.
      const options = ["--no-lock", "--no-check", "--no-prompt", "--allow-all"];
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["test", ...options, `tests/e2e/isolated/${file}`, "--", chromium!],
        cwd: root,
        env: { NO_COLOR: "1" },
      }).output();
      const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals(code, 0, output);
      assertMatch(output, new RegExp(`ok \\| 1 passed \\(${steps} steps\\) \\| 0 failed`));
    },
  });
}
