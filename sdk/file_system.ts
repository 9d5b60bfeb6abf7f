/**
 * The little of a disk that loading a model asks for.
 *
 * Under Deno by Deno's own calls: its modules of Node take longer to start than what is asked of them here.
 *
 * @module
 */

/** What lies at a path. */
export interface PathInfo {
  /** Whether it is a file. */
  readonly isFile: boolean;
  /** Whether it is a folder. */
  readonly isDirectory: boolean;
  /** Bytes. */
  readonly size: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly modified: number;
}

/** A file that is open for reading, or a folder. */
export interface OpenFile {
  /** What it is, and its size. */
  readonly info: PathInfo;
  /** Reads from byte `at` on into `bytes`, as much as comes at once; returns how much, 0 at the end. */
  read(bytes: Uint8Array, at: number): number;
  /** Closes it. */
  close(): void;
}

/** Reads a disk. Errors are the runtime's own, with a `code` such as `ENOENT`. */
export interface FileSystem {
  /** What lies at a path. */
  stat(path: string | URL): Promise<PathInfo>;
  /** All of a file. */
  readFile(path: string | URL): Promise<Uint8Array<ArrayBuffer>>;
  /** Names in a folder. */
  readDirectory(path: string | URL): Promise<string[]>;
  /** Opens a file for reading. */
  open(path: string | URL): OpenFile;
}

/** The disk of this runtime. */
export async function openFileSystem(): Promise<FileSystem> {
  // Only where there is a disk: a page has no module of Node.
  return typeof Deno === "undefined" ? (await import("./node_file_system.ts")).nodeFileSystem : denoFileSystem;
}

/** Where relative paths start from; undefined where there is no disk. */
export function workingDirectory(): string | undefined {
  if (typeof Deno !== "undefined") return Deno.cwd();
  return (globalThis as { process?: { cwd?(): string } }).process?.cwd?.();
}

const denoFileSystem: FileSystem = {
  stat: async (path) => infoOf(await Deno.stat(path)),
  readFile: (path) => Deno.readFile(path),
  readDirectory: (path) => Array.fromAsync(Deno.readDir(path), ({ name }) => name),
  open(path) {
    const file = Deno.openSync(path);
    return {
      info: infoOf(file.statSync()),
      read(bytes, at) {
        file.seekSync(at, Deno.SeekMode.Start);
        return file.readSync(bytes) ?? 0;
      },
      close: () => file.close(),
    };
  },
};

function infoOf({ isFile, isDirectory, size, mtime }: Deno.FileInfo): PathInfo {
  return { isFile, isDirectory, size, modified: mtime?.getTime() ?? 0 };
}
