/**
 * Finds the golden cases among files.
 *
 * @module
 */
import type { CaseFiles } from "./case_files.ts";
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

/** Finds every document; each `.json` file is one, tokenizers aside. */
export async function findCases(files: CaseFiles): Promise<FoundCases> {
  const cases: Golden[] = [];
  const unreadable: Unreadable[] = [];
  const paths = [...await files.list()].sort();
  for (const path of paths.filter((path) => path.endsWith(".json"))) {
    const document = await readDocument(files, path);
    if (document === undefined) unreadable.push({ name: path, reason: "it is not a JSON object" });
    else if (!isTokenizerFile(document)) cases.push(caseAt(path, { files, document }));
  }
  for (const inside of Map.groupBy(paths, folderOf).values()) {
    const tensors = inside.find((path) => path.endsWith(".safetensors"));
    if (tensors === undefined || inside.some((path) => path.endsWith(".json"))) continue;
    unreadable.push({ name: tensors, reason: "no document beside it says what it is" });
  }
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  return { cases: cases.sort(byName), unreadable: unreadable.sort(byName) };
}

/** `v2-dense/case.json` → `v2-dense`, `rope/v2.json` → `rope/v2`. */
function caseAt(path: string, { files, document }: { files: CaseFiles; document: Document }): Golden {
  const folder = folderOf(path);
  return {
    name: path.replace(/(\/case)?\.json$/, ""),
    stem: path.slice(folder.length).replace(/\.json$/, ""),
    document,
    find: (file) => files.find(folder + file),
    exists: files.exists,
  };
}

/** `rope/v2.json` → `rope/`, `v2.json` → nothing. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

async function readDocument(files: CaseFiles, path: string): Promise<Document | undefined> {
  try {
    const document: unknown = JSON.parse(new TextDecoder().decode(await files.find(path)));
    return isObject(document) ? document : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
