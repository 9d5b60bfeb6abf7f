/**
 * Adds rows to the rows of a table that an index names, where several may name the same one.
 *
 * @module
 */
import { type Dispatch, extent, type Scratch, type Value } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";

/** Rows to add and where. */
export interface RowAddition {
  /** Row of the table of each row of dy, times `k`; a negative one adds nothing. */
  readonly index: Value;
  /** Choices of a row: the index is divided by it. Default 1. */
  readonly k?: number | undefined;
  /** The rows, as many as the index has numbers. */
  readonly dy: Value;
  /** The table. */
  readonly table: Value;
  /** Memory for the chains. */
  readonly scratch: Scratch;
}

/**
 * table, row index[r] / k += dy, row r, in the order of r. Rows with the same name are chained first; then the threads of the
 * first one walk the chain, so that each owns a number of the table.
 */
export function addToRows({ index, k = 1, dy, table, scratch }: RowAddition): Dispatch[] {
  const rows = index.count, width = extent(dy, -1);
  // A row's successor, itself where it is the last; and behind those, 1 for the first of a chain.
  const chains: Value = { ...scratch(2 * rows), dtype: "i32" };
  return [
    shader({
      reads: { index },
      writes: { chains },
      sizes: { rows, k },
      groups: groupsFor(rows),
      head: ({ index }) => `fn name(row: u32) -> i32 { return ${index}[row] / i32(p.k); }`,
      body: ({ index, chains }) => `
if (i >= p.rows) { return; }
var next = i;
var first = ${index}[i] >= 0;
let own = name(i);
if (first) {
  for (var r = i + 1u; r < p.rows; r++) { if (${index}[r] >= 0 && name(r) == own) { next = r; break; } }
  for (var r = i; r > 0u; r--) { if (${index}[r - 1u] >= 0 && name(r - 1u) == own) { first = false; break; } }
}
${chains}[i] = i32(next);
${chains}[p.rows + i] = select(0, 1, first);`,
    }),
    shader({
      reads: { index, dy, chains },
      writes: { table },
      sizes: { rows, k, width, count: rows * width },
      groups: groupsFor(rows * width),
      body: ({ index, dy, chains, table }) => `
if (i >= p.count) { return; }
let column = i % p.width;
var row = i / p.width;
if (${chains}[p.rows + row] == 0) { return; }
let to = u32(${index}[row]) / p.k * p.width + column;
var sum = ${dy}[i];
for (var next = u32(${chains}[row]); next != row; next = u32(${chains}[row])) {
  row = next;
  sum += ${dy}[row * p.width + column];
}
${table}[to] += sum;`,
    }),
  ];
}
