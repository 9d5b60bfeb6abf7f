/**
 * What was loaded of each part of a model, in numbers and in one line.
 *
 * @module
 */
import { elementCount } from "../core/graph/tensor.ts";
import type { ParameterOrigin, TensorSource } from "../core/weights.ts";

/** A part of a model, told by the names of its parameters. */
export type ModelPart = "decoder" | "projector" | "encoder";

/** A count of tensors and of the numbers in them. */
export interface LoadCount {
  /** Tensors. */
  readonly tensors: number;
  /** Numbers in all of them. */
  readonly parameters: number;
}

/** What was loaded of one part. */
export interface LoadedPart {
  /** The part. */
  readonly part: ModelPart;
  /** What it has. */
  readonly total: LoadCount;
  /** What some source had. */
  readonly loaded: LoadCount;
  /** Labels of the sources, in the order they first come up. */
  readonly from: readonly string[];
  /** Names of what no source had. */
  readonly missing: readonly string[];
}

/** Options of {@link summariseLoad}. */
export interface SummaryOptions {
  /** What to call each source, for instance its file. Sources without a label are not named. */
  readonly labels?: ReadonlyMap<TensorSource, string> | undefined;
  /** Which part a parameter belongs to. Default by MiniMind-V's names: `vision_proj.*`, `vision_model.*`, the rest. */
  readonly partOf?: ((name: string) => ModelPart) | undefined;
}

const parts: readonly ModelPart[] = ["decoder", "projector", "encoder"];

function partByName(name: string): ModelPart {
  if (name.startsWith("vision_proj.")) return "projector";
  return name.startsWith("vision_model.") ? "encoder" : "decoder";
}

/** Counts what `parameterOrigins` found, part by part; parts without parameters are left out. */
export function summariseLoad(origins: readonly ParameterOrigin[], options: SummaryOptions = {}): LoadedPart[] {
  const { labels = new Map(), partOf = partByName } = options;
  return parts.flatMap((part) => {
    const all = origins.filter(({ name }) => partOf(name) === part);
    const found = all.filter(({ source }) => source !== undefined);
    const from = found.map(({ source }) => labels.get(source!)).filter((label) => label !== undefined);
    const missing = all.filter(({ source }) => source === undefined).map(({ name }) => name);
    return all.length === 0
      ? []
      : [{ part, total: count(all), loaded: count(found), from: [...new Set(from)], missing }];
  });
}

function count(origins: readonly ParameterOrigin[]): LoadCount {
  const parameters = origins.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return { tensors: origins.length, parameters };
}

/** One line: `loaded 100 % of decoder from model.pth (73 of 73 tensors, 25,829,888 parameters); …`. */
export function formatLoad(loaded: readonly LoadedPart[]): string {
  const each = loaded.map(({ part, total, loaded, from }) => {
    const source = from.length === 0 ? "" : ` from ${from.join(", ")}`;
    const numbers = `${loaded.tensors} of ${total.tensors} tensors, ${group(loaded.parameters)} parameters`;
    return `${percent(loaded.parameters, total.parameters)} of ${part}${source} (${numbers})`;
  });
  return `loaded ${each.join("; ") || "nothing"}`;
}

/** Whole per cents; 100 and 0 only where they are exact. */
function percent(part: number, whole: number): string {
  if (part === whole) return "100 %";
  return part === 0 ? "0 %" : `${Math.min(99, Math.max(1, Math.round(100 * part / whole)))} %`;
}

function group(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}
