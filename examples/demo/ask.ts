/**
 * Asks the embedded demo model about pictures: `deno run --allow-read examples/demo/ask.ts [FILE …]`.
 *
 * @module
 */
import { loadModel } from "@minimind/v";

const questions = ["Describe the picture.", "描述一下这张照片。", "Is there a dog in the picture?", "图中有水吗？"];
const painted = ["dog", "beach", "snow"].map((name) => new URL(`images/${name}.jpg`, import.meta.url));
const files = Deno.args.length > 0 ? Deno.args : painted;

await using model = await loadModel("demo");
for (const file of files) {
  const image = await Deno.readFile(file);
  console.log(`${file}`.split("/").at(-1));
  for (const text of questions) {
    const content = [{ type: "image", image }, { type: "text", text }] as const;
    let answer = "";
    for await (const event of model.chat([{ role: "user", content }])) {
      if (event.type === "text-delta") answer += event.text;
    }
    console.log(`  ${text} ${answer}`);
  }
}
