/**
 * Embeds the image codecs, their WASM modules and the JavaScript around them, after a codec's version in `deno.json`
 * changed: `deno run --allow-all tools/embed_codecs.ts`. A test compares what is embedded with the packages.
 *
 * @module
 */

// Only what a program imports has a place on the disk.
import "@jsquash/jpeg/meta.js";
import "@jsquash/webp/meta.js";

/** A codec and where it is embedded. */
export interface CodecToEmbed {
  /** Its files in a package, without what tells `.wasm` and `.js` apart. */
  readonly files: string;
  /** Name of the constant. */
  readonly name: string;
  /** Whose work it is, and under which licence. */
  readonly origin: string;
}

/** All embedded codecs. */
export const codecs: readonly CodecToEmbed[] = [
  {
    files: "@jsquash/jpeg/codec/dec/mozjpeg_dec",
    name: "mozjpeg",
    origin: "mozjpeg (IJG and BSD-3-Clause; based in part on the work of the Independent JPEG Group)",
  },
  { files: "@jsquash/webp/codec/dec/webp_dec", name: "libwebp", origin: "libwebp (BSD-3-Clause)" },
];

/**
 * What the JavaScript asks of its surroundings, and what it is told instead. Under Deno a mere look at `process` starts a
 * part of Node, which takes longer than to decode a photo; and all that it does in Node is to add what is missing there.
 */
const answers = [
  ['typeof process==="object"&&process.release&&process.release.name==="node"', "true"],
  ['typeof process=="object"&&typeof process.versions=="object"&&typeof process.versions.node=="string"', "false"],
] as const;

/** What is embedded of a codec: the texts of two modules by their paths in the repository. */
export async function embedded({ files, name, origin }: CodecToEmbed): Promise<ReadonlyMap<string, string>> {
  const file = (end: string) => new URL(import.meta.resolve(files + end));
  const [module, written] = await Promise.all([Deno.readFile(file(".wasm")), Deno.readTextFile(file(".js"))]);
  const glue = answers.reduce((text, [question, answer]) => {
    if (text.split(question).length === 2) return text.replace(question, answer);
    throw new Error(`Cannot embed "${files}": its JavaScript does not ask ${question} once`);
  }, written);
  const head = "// Written by tools/embed_codecs.ts; do not edit.\n";
  const from = `${origin}, as in ${files}`;
  return new Map([
    [
      `data/image/${name}.generated.ts`,
      `${head}\n/** ${from}.wasm (Apache-2.0). */\nexport const ${name} = {\n  module:\n    "${module.toBase64()}",\n} as const;\n`,
    ],
    [`data/image/${name}_glue.generated.js`, `${head}// ${from}.js (Apache-2.0).\n${glue.trimStart()}`],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of (await Promise.all(codecs.map(embedded))).flatMap((files) => [...files])) {
    await Deno.writeTextFile(new URL(`../${path}`, import.meta.url), text);
  }
}
