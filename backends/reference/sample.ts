/**
 * The sampler, step by step as `core/sampling.ts` tells it.
 *
 * @module
 */
import type { HostData } from "../../core/backend.ts";
import { seenGenerated, uniform } from "../../core/sampling.ts";
import { extent, type Operands } from "./operands.ts";
import { softmax } from "./softmax.ts";

/** Draws one id per row; `seen` and the counter in `random` advance. */
export function sample({ logits, settings, id, probabilities, seen, random }: Operands<"sample">): void {
  const [B, V] = [extent(logits, 0), extent(logits, 1)];
  for (let b = 0; b < B; b++) {
    const [temperature, topK, topP, minP, penalty] = settings.data.subarray(b * 5, b * 5 + 5);
    const row = Float64Array.from(logits.data.subarray(b * V, (b + 1) * V));
    penalise(row, seen.data.subarray(b * V, (b + 1) * V), penalty!);
    if (temperature === 0) {
      const best = argmax(row);
      row.fill(0);
      row[best] = 1;
    } else {
      // Rounded as an f32 backend does, so that the same ids tie.
      for (let v = 0; v < V; v++) row[v] = Math.fround(row[v]! / temperature!);
      keepTopK(row, topK!);
      softmax(row);
      keepTopP(row, topP!);
      keepMinP(row, minP!);
      normalise(row);
    }
    probabilities.data.set(row, b * V);
    const drawn = draw(row, uniform(random.data[b * 2]!, random.data[b * 2 + 1]!));
    random.data[b * 2 + 1]! += 1;
    seen.data[b * V + drawn]! += seenGenerated;
    id.data[b] = drawn;
  }
}

function penalise(row: Float64Array, seen: HostData, penalty: number): void {
  for (let v = 0; v < row.length; v++) {
    if (seen[v] !== 0) row[v] = Math.fround(row[v]! > 0 ? row[v]! / penalty : row[v]! * penalty);
  }
}

function argmax(row: Float64Array): number {
  let best = 0;
  for (let v = 1; v < row.length; v++) if (row[v]! > row[best]!) best = v;
  return best;
}

function keepTopK(row: Float64Array, k: number): void {
  if (k === 0 || k >= row.length) return;
  const kth = row.toSorted().at(-k)!;
  for (let v = 0; v < row.length; v++) if (row[v]! < kth) row[v] = -Infinity;
}

function keepTopP(row: Float64Array, p: number): void {
  if (p >= 1) return;
  const likeliestFirst = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b);
  let likelier = 0;
  for (const v of likeliestFirst) {
    const probability = row[v]!;
    if (likelier > p) row[v] = 0;
    likelier += probability;
  }
}

function keepMinP(row: Float64Array, minP: number): void {
  const least = minP * row[argmax(row)]!;
  for (let v = 0; v < row.length; v++) if (row[v]! < least) row[v] = 0;
}

function normalise(row: Float64Array): void {
  const sum = row.reduce((total, probability) => total + probability, 0);
  for (let v = 0; v < row.length; v++) row[v]! /= sum;
}

/** The first id whose running sum exceeds u; the last possible one where rounding keeps the sum below. */
function draw(row: Float64Array, u: number): number {
  let sum = 0;
  let last = 0;
  for (let v = 0; v < row.length; v++) {
    if (row[v] === 0) continue;
    sum += row[v]!;
    last = v;
    if (sum > u) break;
  }
  return last;
}
