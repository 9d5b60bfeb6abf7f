/**
 * How much faster webgpu was than wasm, kept in a note for as long as nothing changes that it depends on.
 *
 * @module
 */
import type { AdapterReport } from "../backends/webgpu/mod.ts";
import type { Notes } from "../core/notes.ts";
import { version } from "../core/version.ts";
import type { WasmPluginOptions } from "./wasm.ts";

/** What it depends on beside the adapter, and where it is kept. */
export interface SpeedPlace {
  /** Options of wasm. */
  readonly options: WasmPluginOptions;
  /** Where it is kept. Default nowhere. */
  readonly notes: Notes | undefined;
}

/** A number that is kept. */
export interface RememberedSpeed {
  /** Speed of webgpu, that of wasm being 1; undefined if it has to be measured. */
  read(): Promise<number | undefined>;
  /** Keeps it. */
  write(speed: number): Promise<void>;
}

/** Name of the note: speeds by what they were measured on. */
const note = "webgpu-speed.json";

/** Speeds that are kept; the oldest goes first. */
const MOST = 8;

/** The speed of an adapter beside wasm with some options, in this version of the package. */
export function rememberedSpeed(
  { description, features, limits }: AdapterReport,
  { options: { threads, relaxedSimd }, notes }: SpeedPlace,
): RememberedSpeed {
  const key = JSON.stringify({
    version,
    adapter: description,
    features,
    limits,
    threads: threads ?? globalThis.navigator?.hardwareConcurrency,
    sharedMemory: typeof SharedArrayBuffer !== "undefined",
    relaxedSimd,
  });
  return {
    read: async () => parse(await notes?.read(note)).get(key),
    async write(speed) {
      const others = [...parse(await notes?.read(note))].filter(([other]) => other !== key);
      const speeds = Object.fromEntries([...others, [key, speed]].slice(-MOST));
      await notes?.write(note, `${JSON.stringify(speeds, undefined, 2)}\n`);
    },
  };
}

/** The speeds in a note; none of one that is damaged. */
function parse(text: string = "{}"): Map<string, number> {
  let speeds: unknown;
  try {
    speeds = JSON.parse(text);
  } catch {
    return new Map();
  }
  const fine = (entry: [string, unknown]): entry is [string, number] =>
    Number.isFinite(entry[1]) && Number(entry[1]) > 0;
  return new Map(Object.entries(speeds ?? {}).filter(fine));
}
