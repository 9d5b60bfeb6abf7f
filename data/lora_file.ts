/**
 * Reads LoRA adapters (Hu et al. 2021) from files: ours, safetensors with a description, and upstream MiniMind's `.pth`.
 *
 * The adapted layer is `y = W·x + (alpha / rank)·B·(A·x)`. Names are those of upstream's `model/model_lora.py`:
 * `<layer>.lora.A.weight` [rank, in] and `<layer>.lora.B.weight` [out, rank]; upstream has no alpha, so its files have
 * alpha = rank. Upstream adapts square linear layers only, with rank 16; here it may be any linear layer.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/graph/tensor.ts";
import type { SourceTensor } from "../core/weights.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** The two matrices beside one linear layer. */
export interface LoraLayer {
  /** A, [rank, in]. */
  readonly a: SourceTensor;
  /** B, [out, rank]. */
  readonly b: SourceTensor;
}

/** A low-rank change of a model. */
export interface LoraAdapter {
  /** Rows of every A, columns of every B. */
  readonly rank: number;
  /** The change is scaled by alpha / rank. */
  readonly alpha: number;
  /** Layers by name, for instance `model.layers.0.self_attn.q_proj`. */
  readonly layers: ReadonlyMap<string, LoraLayer>;
}

/** Marks our files, and its value is their version. */
export const loraMarker = { key: "minimind_lora", version: "1" } as const;

/** A matrix: its layer, and which of the two it is. */
const matrixName = /^(?:module\.)?(.+)\.lora\.([AB])\.weight$/;

/** Layers upstream adapts: linear ones as wide as they are long, decoder and projector alike. */
export function squareLayers(parameters: ReadonlyMap<string, { readonly shape: readonly number[] }>): string[] {
  return [...parameters].flatMap(([name, { shape }]) => {
    const square = shape.length === 2 && shape[0] === shape[1];
    return square && name.endsWith(".weight") && !isEmbedding(name) ? [name.slice(0, -".weight".length)] : [];
  });
}

function isEmbedding(name: string): boolean {
  return /(^|\.)(embed_tokens|position_embedding)\.weight$/.test(name);
}

/** Whether a file holds an adapter, as far as the names of its tensors tell. */
export function isLora({ tensors }: Pick<Checkpoint, "tensors">): boolean {
  return tensors.size > 0 && [...tensors.keys()].every((name) => matrixName.test(name));
}

/**
 * The adapter that an opened file holds, ours or upstream's.
 *
 * @throws {WeightError} naming the tensor that belongs to no adapter, is missing or of another rank, or the entry of
 *   the description that is wrong
 */
export function readLora({ tensors, values }: Pick<Checkpoint, "tensors" | "values">): LoraAdapter {
  const halves = new Map<string, { a?: SourceTensor; b?: SourceTensor }>();
  for (const [name, tensor] of tensors) {
    const match = matrixName.exec(name);
    if (match === null) throw fail("read", name, "it is not a matrix of an adapter, <layer>.lora.A.weight or B");
    const [, layer, half] = match;
    halves.set(layer!, { ...halves.get(layer!), [half === "A" ? "a" : "b"]: tensor });
  }
  const layers = new Map([...halves].map(([layer, { a, b }]) => {
    if (a !== undefined && b !== undefined) return [layer, { a, b }];
    throw fail("read", `${layer}.lora.${a === undefined ? "A" : "B"}.weight`, "it is missing");
  }));
  const [first] = layers.values();
  if (first === undefined) throw fail("read", "file", "it has no tensors");
  const found = first.a.shape[0] ?? 0;
  const { key, version } = loraMarker;
  const described = values.has(key);
  if (described && values.get(key) !== version) {
    throw fail("read", key, `its version is ${JSON.stringify(values.get(key))}, not "${version}"`);
  }
  const rank = described ? numberOf("rank", values.get("rank")) : found;
  const alpha = described ? numberOf("alpha", values.get("alpha")) : rank;
  if (described && values.get("targets") !== undefined) checkTargets(String(values.get("targets")), layers);
  return checkRanks({ rank, alpha, layers }, "read");
}

/**
 * Checks that an adapter fits a model.
 *
 * @throws {WeightError} naming the first layer that the model does not have, or whose sizes are others
 */
export function checkLora(
  { rank, layers }: LoraAdapter,
  parameters: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): void {
  for (const [layer, { a, b }] of layers) {
    const shape = parameters.get(`${layer}.weight`)?.shape;
    if (shape === undefined) throw fail("use", layer, "the model has no such layer");
    if (shape.length !== 2 || isEmbedding(`${layer}.weight`)) throw fail("use", layer, "it is not a linear layer");
    const [out, width] = shape as readonly [number, number];
    if (sameShape(a.shape, [rank, width]) && sameShape(b.shape, [out, rank])) continue;
    const expected = `${formatShape([rank, width])} and ${formatShape([out, rank])}`;
    throw fail(
      "use",
      layer,
      `its matrices are ${formatShape(a.shape)} and ${formatShape(b.shape)}, expected ${expected}`,
    );
  }
}

/**
 * The adapter, if all its matrices are of its rank.
 *
 * @throws {WeightError} naming the layer whose matrices are not
 */
export function checkRanks(adapter: LoraAdapter, action: "read" | "write"): LoraAdapter {
  const { rank, alpha, layers } = adapter;
  if (!Number.isSafeInteger(rank) || rank < 1) throw fail(action, "rank", `${rank} is not a whole number above 0`);
  if (!Number.isFinite(alpha)) throw fail(action, "alpha", `${alpha} is not a finite number`);
  for (const [layer, { a, b }] of layers) {
    const fine = a.shape.length === 2 && b.shape.length === 2 && a.shape[0] === rank && b.shape[1] === rank;
    if (fine) continue;
    throw fail(
      action,
      layer,
      `its matrices are ${formatShape(a.shape)} and ${formatShape(b.shape)}, its rank is ${rank}`,
    );
  }
  return adapter;
}

function numberOf(entry: string, value: unknown): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
  if (!Number.isNaN(number)) return number;
  throw fail("read", entry, `${JSON.stringify(value)} is not a number`);
}

/** What the description lists must be what the file has. */
function checkTargets(text: string, layers: ReadonlyMap<string, LoraLayer>): void {
  let targets: unknown;
  try {
    targets = JSON.parse(text);
  } catch (cause) {
    throw new WeightError(`Cannot read LoRA "targets": it is not JSON`, { cause });
  }
  const listed = Array.isArray(targets) ? targets : [];
  const odd = [...layers.keys()].find((layer) => !listed.includes(layer)) ??
    listed.find((layer) => !layers.has(layer));
  if (odd !== undefined) throw fail("read", "targets", `list and file do not agree on ${JSON.stringify(odd)}`);
}

function fail(action: "read" | "write" | "use", thing: string, problem: string): WeightError {
  return new WeightError(`Cannot ${action} LoRA "${thing}": ${problem}`);
}
