/**
 * The demo model: a folder of Hugging Face's layout, embedded, so that there is a model without a download.
 *
 * @module
 */
import type { FolderFiles } from "../../data/model_folder.ts";

/** The name by which a config asks for it. */
export const demoName = "demo";

/** Its files. They are most of the package's bytes, so they are only loaded when they are wanted. */
export async function openDemo(): Promise<FolderFiles> {
  const { default: packed } = await import("./demo.json", { with: { type: "json" } });
  return openPacked(packed);
}

/** Files by name that the recipe's last stage has packed: texts as they are, weights in base64. */
export function openPacked(packed: Readonly<Record<string, string>>): FolderFiles {
  return {
    name: demoName,
    list: () => Promise.resolve(Object.keys(packed)),
    read: (name) => Promise.resolve(name.endsWith(".safetensors") ? decode(packed[name]!) : encode(packed[name]!)),
  };
}

const encode = (text: string) => new TextEncoder().encode(text);

/** Base64 to bytes; Node learnt it later than the others. */
function decode(base64: string): Uint8Array {
  const { fromBase64 } = Uint8Array as { fromBase64?: (base64: string) => Uint8Array };
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
