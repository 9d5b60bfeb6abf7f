/**
 * Sums over rows, column by column: in parts that are added up in order, so that one thread owns each sum.
 *
 * @module
 */
import type { Dispatch, Scratch, Value } from "../kernel.ts";
import { groupsFor, type Names, shader } from "../shader.ts";

/** Rows of a part, at least. */
const PART = 32;

/** Parts, at most. */
const MOST_PARTS = 64;

/** What {@link addColumnSums} adds up. */
export interface ColumnSums<Read extends string> {
  /** What the terms are made of. */
  readonly reads: { readonly [Name in Read]: Value };
  /** The sums, one for each column; they are added to. */
  readonly y: Value;
  /** Number of rows. */
  readonly rows: number;
  /** Factor on the sums. Default 1. */
  readonly factor?: number | undefined;
  /** The term at `at` of `row` and `column`. Default the only operand there. */
  readonly term?: ((names: Names<Read>) => string) | undefined;
  /** Memory for the parts. */
  readonly scratch: Scratch;
}

/** y [D] += factor · Σ over rows of a term. */
export function addColumnSums<Read extends string>(sums: ColumnSums<Read>): Dispatch[] {
  const { reads, y, rows, factor = 1, scratch } = sums;
  const term = sums.term ?? ((names: Names<Read>) => `${Object.values(names)[0]}[at]`);
  const columns = y.count;
  const parts = Math.min(MOST_PARTS, Math.ceil(rows / PART));
  const partials = scratch(parts * columns);
  return [
    shader({
      reads,
      writes: { partials },
      sizes: { rows, columns, perPart: Math.ceil(rows / parts), count: parts * columns },
      groups: groupsFor(parts * columns),
      body: ({ partials, ...names }) => `
if (i >= p.count) { return; }
let column = i % p.columns;
let first = i / p.columns * p.perPart;
var sum = 0.0;
for (var row = first; row < min(first + p.perPart, p.rows); row++) {
  let at = row * p.columns + column;
  sum += ${term(names as Names<Read>)};
}
${partials}[i] = sum;`,
    }),
    addParts({ partials, y, parts, factor }),
  ];
}

/** y += factor · Σ over the parts of partials [parts,count]. */
export function addParts(
  { partials, y, parts, factor = 1 }: {
    readonly partials: Value;
    readonly y: Value;
    readonly parts: number;
    readonly factor?: number;
  },
): Dispatch {
  return shader({
    reads: { partials },
    writes: { y },
    sizes: { parts, count: y.count },
    factors: { factor },
    groups: groupsFor(y.count),
    body: ({ partials, y }) => `
if (i >= p.count) { return; }
var sum = 0.0;
for (var part = 0u; part < p.parts; part++) { sum += ${partials}[part * p.count + i]; }
${y}[i] += p.factor * sum;`,
  });
}
