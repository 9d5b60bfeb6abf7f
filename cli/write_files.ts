/**
 * Writes files so that each is either there as a whole or as it was before.
 *
 * @module
 */

/** A file to be written. */
export interface FileToWrite {
  /** Its path. */
  readonly path: string;
  /** Its content in pieces. */
  chunks(): Iterable<Uint8Array>;
}

/** Options of {@link writeFiles}. */
export interface WriteOptions {
  /** Whether files that are there may be replaced. Default false. */
  readonly force?: boolean | undefined;
}

/**
 * Writes all files beside their places first, `<path>.part`, making folders where there are none, and then renames them
 * in order; resolves to the number of bytes. When writing fails, no part of a file is left behind.
 *
 * @throws {Error} naming the files that are there, unless they may be replaced
 */
export async function writeFiles(files: readonly FileToWrite[], options: WriteOptions = {}): Promise<number> {
  const there: string[] = [];
  for (const { path } of files) if (await exists(path)) there.push(path);
  if (there.length > 0 && options.force !== true) {
    throw new Error(`Cannot write ${there.map((path) => `"${path}"`).join(", ")}: already there; --force replaces it`);
  }
  const parts: string[] = [];
  let bytes = 0;
  try {
    for (const file of files) {
      const folder = /^(.*)[\\/][^\\/]*$/.exec(file.path)?.[1];
      if (folder) await Deno.mkdir(folder, { recursive: true });
      const part = `${file.path}.part`;
      parts.push(part);
      bytes += await writeChunks(part, file);
    }
    for (const { path } of files) await Deno.rename(`${path}.part`, path);
  } catch (error) {
    for (const part of parts) await Deno.remove(part).catch(() => {}); // renamed already, or never made
    throw error;
  }
  return bytes;
}

async function writeChunks(path: string, { chunks }: FileToWrite): Promise<number> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  let bytes = 0;
  for (const chunk of chunks()) {
    for (let written = 0; written < chunk.length;) written += await file.write(chunk.subarray(written));
    bytes += chunk.length;
  }
  await file.sync();
  return bytes;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}
