/**
 * The demo model: a folder of Hugging Face's layout, embedded, so that there is a model without a download.
 *
 * @module
 */
import { decodeBase64 } from "../../core/base64.ts";
import type { FolderFiles } from "../../data/model_folder.ts";

/** The name by which a config asks for it. */
export const demoName = "demo";

/** Its files. They are most of the package's bytes, so they are only loaded when they are wanted. */
export async function openDemo(): Promise<FolderFiles> {
  const packed = await readPacked();
  return openPacked(typeof packed === "string" ? JSON.parse(packed) : packed as Record<string, string>);
}

/**
 * The text of `demo.json`, or what it says. As text, for Deno reads the JSON that a program may import before it starts
 * the program; bundlers that know no text give the object itself, and Node, which knows none either, is asked for that.
 */
async function readPacked(): Promise<unknown> {
  try {
    return (await import("./demo.json", { with: { type: "text" } })).default;
  } catch {
    const { href } = new URL("./demo.json", import.meta.url); // computed, so that Deno does not read it ahead
    return (await import(href, { with: { type: "json" } })).default;
  }
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
