/**
 * The unfinished download of a file, which one download at a time may hold, in this process or another.
 *
 * Each holder has a name of its own in a folder of the file and keeps its age low. What another one left behind, or
 * has not touched for a while because its process died, is taken over by renaming, which succeeds for one only.
 *
 * @module
 */
import { HubError } from "./hub_error.ts";
import { partialFolder } from "./layout.ts";
import type { FileStore, FileWriter } from "./file_store.ts";
import { sleep } from "./retry.ts";

/** Milliseconds after which an untouched file belongs to nobody. */
const abandonedAfter = 15_000;
const touchEvery = 3_000;
const lookEvery = 250;

/** Front of the names that belong to nobody. */
const unheld = "free-";

/** Another process has taken over a file, because its holder slept for too long. */
export class TakenOverError extends HubError {
  /** Name of the class. */
  override name = "TakenOverError";
}

/** Options of {@link claimPartial}. */
export interface ClaimOptions {
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Whether bytes from an earlier download are of use. */
  readonly resumable: boolean;
  /** Called while another download holds the file, with the bytes it has. */
  readonly waiting: (size: number) => void;
}

/** A held partial file. */
export class PartialFile {
  readonly #store: FileStore;
  readonly #path: string;
  readonly #folder: string;
  readonly #final: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #writer: FileWriter | undefined;
  #size: number;
  #lost = false;
  #keep = true;

  /** Takes a file that {@link claimPartial} has claimed: its place for now and for good, and its bytes. */
  constructor(store: FileStore, { final, path, size }: { final: string; path: string; size: number }) {
    this.#store = store;
    this.#final = final;
    this.#folder = partialFolder(final);
    this.#path = path;
    this.#size = size;
    this.#timer = setInterval(() => this.#touch(), touchEvery);
  }

  /** Bytes it has. */
  get size(): number {
    return this.#size;
  }

  /** Its path in the store. */
  get path(): string {
    return this.#path;
  }

  /** Appends a chunk. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#lost) throw new TakenOverError(`Cannot write "${this.#path}": another process has it`);
    this.#writer ??= await this.#store.append(this.#path, this.#size);
    await this.#writer.write(chunk);
    this.#size += chunk.length;
  }

  /** Throws away what follows the first `size` bytes. */
  async cut(size: number): Promise<void> {
    await this.#close();
    this.#writer = await this.#store.append(this.#path, size);
    this.#size = size;
  }

  /**
   * Makes sure that everything written is kept and can be read. More can be written later.
   *
   * @throws {TakenOverError} if another process has it
   */
  async flush(): Promise<void> {
    await this.#close();
    await this.#touch();
    this.#checkHeld();
  }

  /**
   * Gives it its final name.
   *
   * @throws {TakenOverError} if another process has it
   */
  async finish(): Promise<void> {
    await this.#close();
    this.#lost = !await this.#store.rename(this.#path, this.#final);
    this.#checkHeld();
    this.#keep = false;
    const others = (await this.#store.list(this.#folder)).filter((file) => isFree(file.path, this.#folder));
    for (const file of others) await this.#store.remove(file.path);
  }

  /** Throws it away when it is let go. */
  discard(): void {
    this.#keep = false;
  }

  /** Lets go of it: whoever comes next goes on where it stops. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    // If it fails now, what was written before has failed as well and is being reported.
    await this.#close().catch(() => {});
    if (this.#lost) return;
    // What is on disk counts: the last write may have failed halfway.
    const { size = 0 } = await this.#store.stat(this.#path) ?? {};
    const wanted = this.#keep && size > 0 && await this.#store.stat(this.#final) === undefined;
    if (wanted) await this.#store.rename(this.#path, freePath(this.#folder));
    else await this.#store.remove(this.#path);
  }

  async #close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  #checkHeld(): void {
    if (this.#lost) throw new TakenOverError(`Cannot keep "${this.#path}": another process has taken it over`);
  }

  async #touch(): Promise<void> {
    this.#lost = !await this.#store.touch(this.#path).catch(() => true);
  }
}

/**
 * Claims the partial file of `path`, waiting while another download holds it. Undefined if that one finished the file.
 */
export async function claimPartial(
  store: FileStore,
  path: string,
  { signal, resumable, waiting }: ClaimOptions,
): Promise<PartialFile | undefined> {
  const folder = partialFolder(path);
  const mine = `${folder}/${crypto.randomUUID()}`;
  for (;;) {
    signal?.throwIfAborted();
    if (await store.stat(path) !== undefined) return undefined;
    const found = (await store.list(folder)).toSorted((a, b) => b.size - a.size);
    const held = found.filter((file) => !isFree(file.path, folder) && Date.now() - file.modified < abandonedAfter);
    for (const file of found.filter((file) => !held.includes(file))) {
      if (!resumable) await store.remove(file.path);
      else if (await store.rename(file.path, mine) && await store.touch(mine)) {
        return new PartialFile(store, { final: path, path: mine, size: file.size });
      }
    }
    if (held.length === 0) {
      await (await store.append(mine, 0)).close();
      return new PartialFile(store, { final: path, path: mine, size: 0 });
    }
    waiting(held[0]!.size);
    await sleep(lookEvery, signal);
  }
}

function isFree(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/${unheld}`);
}

function freePath(folder: string): string {
  return `${folder}/${unheld}${crypto.randomUUID()}`;
}
