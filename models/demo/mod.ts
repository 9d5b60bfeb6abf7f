/**
 * The demo model: a folder of Hugging Face's layout, embedded, so that there is a model without a download.
 *
 * @module
 */
import { decodeBase64 } from "../../core/base64.ts";
import type { FolderFiles } from "../../data/model_folder.ts";

/** The name by which a config asks for it. */
export const demoName = "demo";

/**
 * Its files. They are most of the package's bytes, so they are only loaded when they are wanted: as text, for Deno reads
 * the JSON that a program may import before it starts the program. Bundlers that know no text give the object itself.
 */
export async function openDemo(): Promise<FolderFiles> {
  const { default: packed }: { default: unknown } = await import("./demo.json", { with: { type: "text" } });
  return openPacked(typeof packed === "string" ? JSON.parse(packed) : packed as Record<string, string>);
}

/** Files by name that the recipe's last stage has packed: texts as they are, weights in base64. */
export function openPacked(packed: Readonly<Record<string, string>>): FolderFiles {
  return {
    name: demoName,
    list: () => Promise.resolve(Object.keys(packed)),
    read: (name) =>
      Promise.resolve(name.endsWith(".safetensors") ? decodeBase64(packed[name]!) : encode(packed[name]!)),
  };
}

const encode = (text: string) => new TextEncoder().encode(text);
