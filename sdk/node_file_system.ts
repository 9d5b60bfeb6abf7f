/**
 * The disk of Node and Bun.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import type { FileSystem, PathInfo } from "./file_system.ts";

/** Reads the disk by the modules of Node. */
export const nodeFileSystem: FileSystem = {
  stat: async (path) => infoOf(await stat(path)),
  async readFile(path) {
    const { buffer, byteOffset, byteLength } = await readFile(path);
    return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  },
  readDirectory: (path) => readdir(path),
  open(path) {
    const handle = openSync(path, "r");
    return {
      info: infoOf(fstatSync(handle)),
      read: (bytes, at) => readSync(handle, bytes, 0, bytes.length, at),
      close: () => closeSync(handle),
    };
  },
};

function infoOf(stats: Stats): PathInfo {
  return { isFile: stats.isFile(), isDirectory: stats.isDirectory(), size: stats.size, modified: stats.mtimeMs };
}
