/**
 * Packs as rows: what several rows share once, the rest of each behind it, and what keeps them apart.
 *
 * @module
 */
import { packedSegment } from "../core/graph/graph.ts";
import { ignoredLabel } from "../data/chat/mod.ts";
import type { PackPlan } from "./pack_plan.ts";
import type { RowSource, TrainRow } from "./row_batches.ts";

/** The packs of a plan, each as one row. A row that is left out leaves its place in the pack empty. */
export function packedRows(rows: RowSource, { packs }: PackPlan): RowSource {
  return {
    length: packs.length,
    async row(index, epoch) {
      const sequences = await Promise.all(packs[index]!.map(async ({ rows: numbers, prefix }) => {
        const all = await Promise.all(numbers.map((number) => rows.row(number, epoch)));
        return { prefix, rows: all.filter((row) => row !== undefined) };
      }));
      return joinRows(sequences.filter(({ rows }) => rows.length > 0));
    },
  };
}

/** Rows and the number of ids that they share. */
export interface RowSequence {
  /** At least one. */
  readonly rows: readonly TrainRow[];
  /** Ids that all of them begin with. */
  readonly prefix: number;
}

/**
 * Joins sequences: of each the shared ids, then the others row by row. A token sees what it would see if its row stood
 * alone, at the position that it would have there; so the sum of losses, and every gradient, is that of the rows alone.
 */
export function joinRows(sequences: readonly RowSequence[]): TrainRow | undefined {
  const ids: number[] = [];
  const labels: number[] = [];
  const position: number[] = [];
  const segment: number[] = [];
  const images: TrainRow["images"][number][] = [];
  for (const [sequence, { rows, prefix }] of sequences.entries()) {
    for (const [part, row] of rows.entries()) {
      const from = part === 0 ? 0 : prefix;
      const moved = ids.length - from;
      for (let i = from; i < row.ids.length; i++) {
        ids.push(row.ids[i]!);
        labels.push(i === 0 ? ignoredLabel : row.labels[i]!); // nothing before it predicts it
        position.push(i);
        segment.push(packedSegment(sequence, i < prefix ? 0 : part + 1));
      }
      for (const { span: { start, length }, image } of row.images) {
        if (start >= from) images.push({ span: { start: start + moved, length }, image });
      }
    }
  }
  if (ids.length === 0) return undefined;
  return {
    ids: Int32Array.from(ids),
    labels: Int32Array.from(labels),
    images,
    packing: { position: Int32Array.from(position), segment: Int32Array.from(segment) },
  };
}
