/**
 * Embeds the server's page, so that it is served without a file being read: `deno task page`. With `--check`, only
 * compares.
 *
 * @module
 */
const source = new URL("../serve/page/browser/", import.meta.url);
const target = new URL("../serve/page/files.generated.ts", import.meta.url);

/** A text as a template literal. */
function literal(text: string): string {
  return "`" + text.replace(/[\\`]|\$\{/g, "\\$&") + "`";
}

const entries = await Array.fromAsync(Deno.readDir(source));
const names = entries.map(({ name }) => name).filter((name) => name !== "deno.json").sort();
const lines = ["// Built from serve/page/browser by `deno task page`; do not edit.", ""];
lines.push("/** Texts of the page's files by name. */", "export const files: Readonly<Record<string, string>> = {");
for (const name of names) {
  lines.push(`  ${JSON.stringify(name)}: ${literal(await Deno.readTextFile(new URL(name, source)))},`);
}
lines.push("};", "");
const text = lines.join("\n");

if (!Deno.args.includes("--check")) await Deno.writeTextFile(target, text);
else if (await Deno.readTextFile(target) !== text) {
  console.error("The embedded page is not what its source gives: run `deno task page`");
  Deno.exit(1);
}
