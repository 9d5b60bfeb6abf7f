import { assert, assertEquals, assertMatch } from "@std/assert";

const root = new URL("../../", import.meta.url);

async function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", ...args], cwd: root, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("the demo example answers about its pictures in the language of each question", async () => {
  const { code, stdout, stderr } = await run(["--allow-read", "--no-check", "examples/demo/ask.ts"]);
  assertEquals(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.filter((line) => line.endsWith(".jpg")), ["dog.jpg", "beach.jpg", "snow.jpg"]);
  const forms: readonly (readonly [question: string, answer: RegExp])[] = [
    ["Describe the picture.", /^[A-Z][a-z ,'-]{8,}\.$/],
    ["描述一下这张照片。", /^[\u4e00-\u9fff，]{3,}。$/],
    ["Is there a dog in the picture?", /^(Yes|No)\.$/],
    ["图中有水吗？", /^(有|没有)。$/],
  ];
  for (const [question, form] of forms) {
    const asked = `  ${question} `;
    const answers = lines.filter((line) => line.startsWith(asked)).map((line) => line.slice(asked.length));
    assertEquals(answers.length, 3, question);
    for (const answer of answers) assertMatch(answer, form);
  }
});

Deno.test("the pictures of the demo example are what its script paints", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await run(["--allow-read", `--allow-write=${folder}`, "examples/demo/draw.ts", folder]);
  assertEquals(code, 0, stderr);
  for (const name of ["dog", "beach", "snow"]) {
    const own = await Deno.readFile(new URL(`examples/demo/images/${name}.jpg`, root));
    assert(own.length > 1000);
    assertEquals(await Deno.readFile(`${folder}/${name}.jpg`), own, name);
  }
  await Deno.remove(folder, { recursive: true });
});
