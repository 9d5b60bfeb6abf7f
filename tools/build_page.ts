/**
 * Embeds the server's page, so that it is served without a file being read: `deno task page`. With `--check`, only
 * compares.
 *
 * The engine that the page runs in a worker is bundled from `sdk/page_worker.ts`, so a change of what that imports is one
 * of the page too.
 *
 * @module
 */
import { workerSource } from "../backends/wasm/mod.ts";
import { bundle } from "./bundle.ts";

const source = new URL("../serve/page/browser/", import.meta.url);
const pages = new URL("../serve/page/", import.meta.url);

/** A text as a template literal. */
function literal(text: string): string {
  return "`" + text.replace(/[\\`]|\$\{/g, "\\$&") + "`";
}

/** The page's own files, and the script of the engine's threads. */
async function buildFiles(): Promise<string> {
  const files = new Map([["thread.js", workerSource]]);
  for await (const { name } of Deno.readDir(source)) {
    if (name !== "deno.json") files.set(name, await Deno.readTextFile(new URL(name, source)));
  }
  const lines = ["// Built from serve/page/browser by `deno task page`; do not edit.", ""];
  lines.push("/** Texts of the page's files by name. */", "export const files: Readonly<Record<string, string>> = {");
  for (const name of [...files.keys()].sort()) lines.push(`  ${JSON.stringify(name)}: ${literal(files.get(name)!)},`);
  return [...lines, "};", ""].join("\n");
}

/** The engine in one script, without what a page has no use for: the demo's weights, the page itself, a disk. */
async function buildEngine(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = new URL("../sdk/page_worker.ts", import.meta.url);
    const external = ["*/demo.json", "*/serve/mod.ts", "*/node_file_system.ts"];
    await bundle([entry], folder, { split: false, external });
    const script = await Deno.readFile(`${folder}/page_worker.js`);
    const packed = new Blob([script]).stream().pipeThrough(new CompressionStream("gzip"));
    return [
      "// Built from sdk/page_worker.ts by `deno task page`; do not edit.",
      "",
      "/** The engine's script, gzip, base64. */",
      "export const engine: string =",
      `  "${(await new Response(packed).bytes()).toBase64()}";`,
      "",
    ].join("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const texts = { "files.generated.ts": await buildFiles(), "engine.generated.ts": await buildEngine() };
for (const [name, text] of Object.entries(texts)) {
  const target = new URL(name, pages);
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(target, text);
  else if (await Deno.readTextFile(target) !== text) {
    console.error(`The embedded page is not what its source gives (${name}): run \`deno task page\``);
    Deno.exit(1);
  }
}
