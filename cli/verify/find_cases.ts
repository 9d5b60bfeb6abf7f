/**
 * Finds the golden cases under a folder.
 *
 * @module
 */
import type { Document, Golden } from "./golden.ts";
import { isObject } from "./kind.ts";
import { isTokenizerFile } from "./kinds.ts";

/** Something under a folder that no kind can be asked about. */
export interface Unreadable {
  /** Its path, relative to the folder that is verified. */
  readonly name: string;
  /** What is wrong. */
  readonly reason: string;
}

/** What is under a folder. */
export interface FoundCases {
  /** Cases in the order of their names. */
  readonly cases: readonly Golden[];
  /** Documents that are not JSON objects, and folders with tensors but no document. */
  readonly unreadable: readonly Unreadable[];
}

/** Finds every document under a folder; each `.json` file is one, hidden files and tokenizers aside. */
export async function findCases(root: string): Promise<FoundCases> {
  const cases: Golden[] = [];
  const unreadable: Unreadable[] = [];
  await search("", { root, cases, unreadable });
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  return { cases: cases.sort(byName), unreadable: unreadable.sort(byName) };
}

async function search(
  inside: string,
  found: { root: string; cases: Golden[]; unreadable: Unreadable[] },
): Promise<void> {
  const folder = inside === "" ? found.root : `${found.root}/${inside}`;
  const entries = (await Array.fromAsync(Deno.readDir(folder))).filter(({ name }) => !name.startsWith("."));
  const within = (name: string) => inside === "" ? name : `${inside}/${name}`;
  const files = entries.filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
  for (const { name, isDirectory } of entries) if (isDirectory) await search(within(name), found);
  const documents = files.filter((name) => name.endsWith(".json"));
  for (const file of documents) {
    const path = `${folder}/${file}`;
    const document = await readDocument(path);
    if (document === undefined) found.unreadable.push({ name: within(file), reason: "it is not a JSON object" });
    else if (!isTokenizerFile(document)) found.cases.push({ name: nameOf(within(file)), folder, path, document });
  }
  const tensors = files.find((name) => name.endsWith(".safetensors"));
  if (documents.length === 0 && tensors !== undefined) {
    found.unreadable.push({ name: within(tensors), reason: "no document beside it says what it is" });
  }
}

/** `v2-dense/case.json` → `v2-dense`, `rope/v2.json` → `rope/v2`. */
function nameOf(path: string): string {
  return path.replace(/(\/case)?\.json$/, "");
}

async function readDocument(path: string): Promise<Document | undefined> {
  try {
    const document: unknown = JSON.parse(await Deno.readTextFile(path));
    return isObject(document) ? document : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
