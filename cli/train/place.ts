/**
 * Where a run goes, and upstream's file of its weights.
 *
 * @module
 */
import type { TrainFlagValues } from "./settings.ts";
import type { Start } from "./start.ts";

/** Where upstream's file goes. */
export interface WeightFile {
  /** Its folder. */
  readonly folder: string;
  /** Start of its name. */
  readonly weight: string;
}

/**
 * Where the run goes: to `--out`, or beside upstream's file in `--save-dir`.
 *
 * @throws {TypeError} if neither is named, or the start of the file's name is none
 */
export function placeOf(
  flags: TrainFlagValues,
  { start: { sizes }, weight }: { readonly start: Start; readonly weight: string },
): { readonly out: string; readonly weight: WeightFile | undefined } {
  if (!/^[\w.-]+$/.test(weight)) {
    throw new TypeError(`Cannot read flag "--save-weight": "${weight}" is not the start of a file name`);
  }
  const { out, "save-dir": folder } = flags;
  if (folder === undefined) {
    if (out === undefined) throw new TypeError("Cannot train without a folder to write to: name it with --out");
    return { out, weight: undefined };
  }
  const name = `${weight}${sizes === undefined ? "" : `_${sizes.hiddenSize}${sizes.moe === undefined ? "" : "_moe"}`}`;
  return {
    out: out ?? `${folder.replace(/[\\/]+$/, "")}/${name}`,
    weight: flags.lora ? undefined : { folder, weight },
  };
}
