/**
 * What changes a folder of the disk, and what is seldom asked of it: the part of a file store that needs modules of Node.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat, statfs, utimes } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { FileStore, FileWriter, StoredFile } from "../data/hub/file_store.ts";
import { codeOf, ifAbsent } from "./absent.ts";

/** Everything of a store but reading its files. */
export type FileChanges = Omit<FileStore, "location" | "onDisk" | "locate" | "stat" | "read">;

/** The rest of a store in `folder`, whose paths `locate` finds. */
export function createFileChanges(folder: string, locate: FileStore["locate"]): FileChanges {
  const root = resolve(folder);
  return {
    async sha256(path) {
      const hash = createHash("sha256");
      for await (const chunk of createReadStream(locate(path), { highWaterMark: 1 << 20 })) hash.update(chunk);
      return hash.digest("hex");
    },
    async append(path, at) {
      await mkdir(dirname(locate(path)), { recursive: true });
      const handle = await open(locate(path), at === 0 ? "w" : "r+");
      if (at > 0) await handle.truncate(at);
      return writerAt(handle, at);
    },
    async touch(path) {
      const now = new Date();
      return await utimes(locate(path), now, now).then(() => true, ifAbsent) ?? false;
    },
    async rename(from, to) {
      await mkdir(dirname(locate(to)), { recursive: true });
      return await rename(locate(from), locate(to)).then(() => true, ifAbsentOrHeld) ?? false;
    },
    async remove(path) {
      // The hub's own clients keep the content elsewhere and put a link in its place.
      const content = await realpath(locate(path)).catch(ifAbsent);
      if (content?.startsWith(root + sep)) await rm(content, { recursive: true, force: true });
      await rm(locate(path), { recursive: true, force: true });
    },
    async list(path) {
      const names = await readdir(locate(path), { recursive: true }).catch(ifAbsent) ?? [];
      const files: StoredFile[] = [];
      for (const name of names) {
        const place = join(locate(path), name);
        const found = await stat(place).catch(ifAbsent);
        if (!found?.isFile()) continue;
        const inside = relative(root, place).split(sep).join("/");
        files.push({ path: inside, size: found.size, modified: found.mtimeMs });
      }
      return files;
    },
    async free() {
      if (!mayAskForRoom()) return undefined;
      await mkdir(root, { recursive: true });
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
  };
}

/** Deno wants a permission for it, for which nobody should be asked in the middle of a download. */
function mayAskForRoom(): boolean {
  return typeof Deno === "undefined" || Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state === "granted";
}

function writerAt(handle: FileHandle, start: number): FileWriter {
  let at = start;
  return {
    async write(chunk) {
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
    },
    async close() {
      // Renamed before its content is on the disk, a file could be found empty after a power cut.
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}

/** Windows lets nobody rename a file that another process has open. */
function ifAbsentOrHeld(error: unknown): undefined {
  if (!["EPERM", "EBUSY", "EACCES"].includes(codeOf(error) as string)) ifAbsent(error);
}
