/**
 * Embeds the WASM modules of the image codecs: `deno run --allow-all tools/embed_codecs.ts`, after a codec's version
 * in `deno.json` changed. A test compares what is embedded with the packages.
 *
 * @module
 */

// Only what a program imports has a place on the disk.
import "@jsquash/jpeg/meta.js";
import "@jsquash/webp/meta.js";

/** A codec and where it is embedded. */
export interface CodecToEmbed {
  /** Its module in a package. */
  readonly module: string;
  /** Name of the constant. */
  readonly name: string;
  /** Whose work it is, and under which licence. */
  readonly origin: string;
}

/** All embedded codecs. */
export const codecs: readonly CodecToEmbed[] = [
  {
    module: "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm",
    name: "mozjpeg",
    origin: "mozjpeg (IJG and BSD-3-Clause; based in part on the work of the Independent JPEG Group)",
  },
  { module: "@jsquash/webp/codec/dec/webp_dec.wasm", name: "libwebp", origin: "libwebp (BSD-3-Clause)" },
];

/** The bytes of a codec's module in its package. */
export function readModule({ module }: CodecToEmbed): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(import.meta.resolve(module)));
}

async function embed(codec: CodecToEmbed): Promise<void> {
  const bytes = await readModule(codec);
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const deflated = await new Response(stream).bytes();
  const text = `// Written by tools/embed_codecs.ts; do not edit.

/** ${codec.origin}, as in ${codec.module} (Apache-2.0). */
export const ${codec.name} = {
  size: ${bytes.length},
  deflated:
    "${deflated.toBase64()}",
} as const;
`;
  await Deno.writeTextFile(new URL(`../data/image/${codec.name}.generated.ts`, import.meta.url), text);
}

if (import.meta.main) await Promise.all(codecs.map(embed));
