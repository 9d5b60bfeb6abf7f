/**
 * A file store in a folder of the disk, for Deno, Node and Bun.
 *
 * @module
 */
import type { FileStore } from "../data/hub/file_store.ts";
import { ifAbsent } from "./absent.ts";
import type { FileChanges } from "./file_changes.ts";
import { openFileSystem, workingDirectory } from "./file_system.ts";

/** Creates a store in a folder. The folder is made when the first file is written. */
export function createFileStore(folder: string): FileStore {
  const root = absolute(folder);
  const locate = (path: string): string => {
    // Windows takes both separators.
    if (path.split(/[\\/]/).includes("..")) {
      throw new RangeError(`Cannot open "${path}": it is outside the folder ${root}`);
    }
    return [root, ...namesOf(path)].join("/");
  };
  // Most who read from a store change nothing in it.
  let made: Promise<FileChanges> | undefined;
  const changes = () => made ??= import("./file_changes.ts").then((module) => module.createFileChanges(root, locate));
  return {
    location: root,
    onDisk: true,
    locate,
    async stat(path) {
      const { stat } = await openFileSystem();
      const found = await stat(locate(path)).catch(ifAbsent);
      return found?.isFile ? { size: found.size, modified: found.modified } : undefined;
    },
    async read(path) {
      const { readFile } = await openFileSystem();
      return await readFile(locate(path));
    },
    sha256: async (path) => await (await changes()).sha256(path),
    append: async (path, at) => await (await changes()).append(path, at),
    touch: async (path) => await (await changes()).touch(path),
    rename: async (from, to) => await (await changes()).rename(from, to),
    remove: async (path) => await (await changes()).remove(path),
    list: async (folder) => await (await changes()).list(folder),
    free: async () => await (await changes()).free(),
  };
}

/** A path that stays what it is when the working directory changes. */
function absolute(folder: string): string {
  if (/^([a-z]:)?[\\/]/i.test(folder)) return folder.replace(/(?<=[^:\\/])[\\/]+$/, "");
  return [workingDirectory(), ...namesOf(folder)].join("/");
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
