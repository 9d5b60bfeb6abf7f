/**
 * The checkpoints of a run: the newest two are kept, and at no moment is there none.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import type { FileStore } from "../data/hub/file_store.ts";
import {
  type Checkpoint,
  type CheckpointHeader,
  readCheckpoint,
  type RunMemory,
  writeCheckpoint,
} from "./checkpoint.ts";

/** Which checkpoint to go on from: the newest, or the one before it. */
export type WhichCheckpoint = "last" | "previous";

const pattern = /^batch-(\d{10})\.safetensors$/;
const nameOf = (batches: number): string => `batch-${String(batches).padStart(10, "0")}.safetensors`;

/** Saves and finds checkpoints in a folder of a store. */
export class CheckpointStore {
  readonly #store: FileStore;
  readonly #folder: string;

  /** Takes the store and the folder in it. */
  constructor(store: FileStore, folder = "checkpoints") {
    this.#store = store;
    this.#folder = folder;
  }

  /**
   * Saves a checkpoint: written under another name first and renamed when it is whole. Then older ones go, but for one,
   * and so do later ones, which belong to a course that this run did not take.
   */
  async save(memory: RunMemory, header: CheckpointHeader): Promise<void> {
    const { batches } = header.state;
    const path = `${this.#folder}/${nameOf(batches)}`;
    const writer = await this.#store.append(`${path}.part`, 0);
    try {
      await writeCheckpoint(memory, header, writer);
    } finally {
      await writer.close();
    }
    if (!await this.#store.rename(`${path}.part`, path)) {
      throw new Error(`Cannot save "${this.#store.locate(path)}": it could not be renamed`);
    }
    const others = (await this.#list()).filter((number) => number !== batches);
    const before = others.filter((number) => number < batches).at(-1);
    for (const number of others) {
      if (number !== before) await this.#store.remove(`${this.#folder}/${nameOf(number)}`);
    }
    for (const { path } of await this.#store.list(this.#folder)) {
      if (path.endsWith(".part")) await this.#store.remove(path); // of a run that was ended while it saved
    }
  }

  /**
   * Reads a checkpoint; undefined if there is none at all.
   *
   * @throws {WeightError} naming the file and what is wrong with it, or if there is no previous one
   */
  async load(which: WhichCheckpoint = "last"): Promise<Checkpoint | undefined> {
    const all = await this.#list();
    if (all.length === 0) return undefined;
    const number = all.at(which === "last" ? -1 : -2);
    if (number === undefined) {
      throw new WeightError(`Cannot go on from the previous checkpoint: there is only ${nameOf(all[0]!)}`);
    }
    const path = `${this.#folder}/${nameOf(number)}`;
    try {
      return readCheckpoint(await this.#store.read(path));
    } catch (cause) {
      if (!(cause instanceof WeightError)) throw cause;
      const hint = which === "last" && all.length > 1
        ? `; the one before it, ${nameOf(all.at(-2)!)}, may be whole`
        : "";
      const problem = cause.message.replace('Cannot read "checkpoint": ', "");
      throw new WeightError(`Cannot go on from "${this.#store.locate(path)}": ${problem}${hint}`, { cause });
    }
  }

  /** Batches of the checkpoints there are, the smallest first. */
  async #list(): Promise<number[]> {
    const files = await this.#store.list(this.#folder);
    return files.flatMap(({ path }) => {
      const number = pattern.exec(path.split("/").at(-1)!)?.[1];
      return number === undefined ? [] : [Number(number)];
    }).sort((a, b) => a - b);
  }
}
