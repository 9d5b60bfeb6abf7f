import { assertEquals } from "@std/assert";
import { loadImage } from "../../data/image/mod.ts";
import { imageFiles, readImageFile } from "./image_fixtures.ts";

const root = new URL("../../", import.meta.url);

/** What the bundle does: images come in as base64 by name, sums of their values go out. */
const program = `
import { loadImage } from ${JSON.stringify(new URL("data/image/mod.ts", root).href)};
const sums = {};
for (const [name, base64] of Object.entries(JSON.parse(globalThis.process.argv[2]))) {
  const { width, height, data } = await loadImage("data:;base64," + base64);
  sums[name] = [width, height, data.reduce((sum, value, i) => (sum * 31 + value) % 65521, 0)];
}
globalThis.process.stdout.write(JSON.stringify(sums));
`;

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: root }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const absent = await new Deno.Command("node", { args: ["--version"], stdout: "null" }).output().then(
  ({ success }) => !success,
  () => true,
);
if (absent) console.log("there is no Node here: its test is left out");

Deno.test({
  name: "loadImage() gives the same pixels of every format in a bundle that Node runs",
  ignore: absent,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/main.ts`, program);
      const bundle = ["bundle", "--quiet", "--config", "deno.json", `${folder}/main.ts`, "-o", `${folder}/main.mjs`];
      await run(Deno.execPath(), bundle);
      const names = imageFiles().filter((name) => name !== "animated.webp");
      const files = Object.fromEntries(names.map((name) => [name, readImageFile(name).toBase64()]));
      const sums = JSON.parse(await run("node", [`${folder}/main.mjs`, JSON.stringify(files)]));
      for (const name of names) {
        const { width, height, data } = await loadImage(readImageFile(name));
        const expected = [width, height, data.reduce((sum, value) => (sum * 31 + value) % 65521, 0)];
        assertEquals(sums[name], expected, name);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
