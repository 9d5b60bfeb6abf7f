/**
 * The files among which golden cases are looked for, wherever they are.
 *
 * @module
 */

/** Files below one folder. Paths are relative to it, with `/` between their parts. */
export interface CaseFiles {
  /** What messages call the folder. */
  readonly name: string;
  /** Paths of all files. */
  list(): Promise<readonly string[]>;
  /** The content of a file; undefined if it is not there. */
  find(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Whether there is anything at a path of this machine's disk; absent where there is no disk. */
  readonly exists?: ((path: string) => Promise<boolean>) | undefined;
}

/** The files of a folder on the disk, without hidden ones. */
export function filesOnDisk(folder: string): CaseFiles {
  return {
    name: folder,
    list: () => Array.fromAsync(pathsIn(folder)),
    async find(path) {
      try {
        return await Deno.readFile(`${folder}/${path}`);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    exists: (path) => Deno.stat(path).then(() => true, () => false),
  };
}

async function* pathsIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".")) continue;
    if (!isDirectory) yield name;
    else for await (const path of pathsIn(`${folder}/${name}`)) yield `${name}/${path}`;
  }
}
