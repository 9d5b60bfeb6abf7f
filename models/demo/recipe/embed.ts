/**
 * Last stage of the demo's recipe: makes a trained model's folder the one that the package holds, in 8 bits.
 *
 *     deno run -A models/demo/recipe/embed.ts --model DIR [--out FILE]
 *
 * What is written is the folder's files by name, texts as they are and weights in base64: of all that can be imported
 * without a permission, JSON loads fastest.
 *
 * @module
 */
import { folderUrl } from "../../../cli/model_flags.ts";
import { parseFlags } from "../../../cli/flags.ts";
import { modelTensors } from "../../../data/checkpoint.ts";
import { exportModel, isCompanion } from "../../../data/export.ts";
import { formatBytes } from "../../../data/hub/mod.ts";
import { openModelFolder } from "../../../data/model_folder.ts";
import { joinChunks } from "../../../data/saved_tensor.ts";
import { openFiles } from "../../../sdk/files.ts";

/** How the demo draws its answers where nobody says otherwise. */
const generation = new URL("generation_config.json", import.meta.url);

/** The files of a model's folder, ready to be embedded. */
async function packFolder(folder: string): Promise<ReadonlyMap<string, string>> {
  using files = openFiles({ base: folderUrl(Deno.cwd()) });
  const { list, read } = files.folder(folder);
  const { checkpoint, config } = await openModelFolder({ list, read });
  const companions = new Map<string, Uint8Array>();
  for (const name of (await list()).filter(isCompanion).toSorted()) companions.set(name, await read(name));
  companions.set("generation_config.json", await Deno.readFile(generation));
  const exported = exportModel(
    { tensors: modelTensors(checkpoint), config, files: companions },
    { format: "hf", precision: "q8", withEncoder: true },
  );
  return new Map(exported.files.map(({ name, chunks }) => {
    const bytes = joinChunks(chunks());
    return [name, name.endsWith(".safetensors") ? bytes.toBase64() : compact(new TextDecoder().decode(bytes))];
  }));
}

/** The same JSON without spaces. */
function compact(text: string): string {
  return JSON.stringify(JSON.parse(text));
}

const { flags: { model, out } } = parseFlags(Deno.args, {
  model: { type: "string", value: "DIR", summary: "The folder of the trained model" },
  out: { type: "string", value: "FILE", summary: "The file to write (default the package's)" },
});
if (model === undefined) throw new TypeError("Cannot embed a model: name its folder with --model");
const packed = await packFolder(model);
const target = out ?? new URL("../demo.json", import.meta.url);
// In ASCII, for an engine keeps such a text in half the memory and parses it in less than half the time.
const json = JSON.stringify(Object.fromEntries(packed), undefined, 2)
  .replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
await Deno.writeTextFile(target, `${json}\n`);
for (const [name, { length }] of packed) console.log(`${name}: ${formatBytes(length)}`);
