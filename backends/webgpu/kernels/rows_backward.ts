/**
 * Backward of the kernels that move rows: sliceBackward, prependBackward, spliceBackward, gatherRowsBackward.
 *
 * @module
 */
import { type Dispatch, extent, type Lowering, type Operands } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";
import { addToRows } from "./add_to_rows.ts";

/** dx [B,N,D], rows start … start + n += dy [B,n,D]. */
export function sliceBackward({ dy, dx, start }: Operands<"sliceBackward">): Dispatch[] {
  const [rows, width] = [extent(dy, 1), extent(dy, 2)];
  return [shader({
    reads: { dy },
    writes: { dx },
    sizes: { count: dy.count, part: rows * width, whole: extent(dx, 1) * width, first: start * width },
    groups: groupsFor(dy.count),
    body: ({ dy, dx }) => `if (i < p.count) { ${dx}[i / p.part * p.whole + p.first + i % p.part] += ${dy}[i]; }`,
  })];
}

/** dx [B,N,D], drow [D] += rows of dy [B,N+1,D]. */
export function prependBackward({ dy, dx, drow }: Operands<"prependBackward">): Dispatch[] {
  const [B, rows, width] = [extent(dy, 0), extent(dy, 1), extent(dy, 2)];
  const sizes = { B, width, whole: rows * width, count: dx?.count ?? 0 };
  const dispatches: Dispatch[] = [];
  if (drow !== undefined) {
    dispatches.push(shader({
      reads: { dy },
      writes: { drow },
      sizes,
      groups: groupsFor(width),
      body: ({ dy, drow }) => `
if (i >= p.width) { return; }
var sum = 0.0;
for (var b = 0u; b < p.B; b++) { sum += ${dy}[b * p.whole + i]; }
${drow}[i] += sum;`,
    }));
  }
  if (dx !== undefined) {
    dispatches.push(shader({
      reads: { dy },
      writes: { dx },
      sizes,
      groups: groupsFor(dx.count),
      body: ({ dy, dx }) => `if (i < p.count) { ${dx}[i] += ${dy}[i + (i / (p.whole - p.width) + 1u) * p.width]; }`,
    }));
  }
  return dispatches;
}

/** dhidden += dy where index < 0; dfeatures [M,D], row index += dy elsewhere. */
export function spliceBackward(
  { index, dy, dhidden, dfeatures }: Operands<"spliceBackward">,
  { scratch }: Lowering,
): Dispatch[] {
  const dispatches: Dispatch[] = [];
  if (dhidden !== undefined) {
    dispatches.push(shader({
      reads: { index, dy },
      writes: { dhidden },
      sizes: { count: dy.count, width: extent(dy, -1) },
      groups: groupsFor(dy.count),
      body: ({ index, dy, dhidden }) => `
if (i < p.count && ${index}[i / p.width] < 0) { ${dhidden}[i] += ${dy}[i]; }`,
    }));
  }
  if (dfeatures !== undefined) dispatches.push(...addToRows({ index, dy, table: dfeatures, scratch }));
  return dispatches;
}

/** dx [M,D], row order[r] / k += dy [R,D], where k = R / M. */
export function gatherRowsBackward(
  { order, dy, dx }: Operands<"gatherRowsBackward">,
  { scratch }: Lowering,
): Dispatch[] {
  return addToRows({ index: order, k: order.count / extent(dx, 0), dy, table: dx, scratch });
}
