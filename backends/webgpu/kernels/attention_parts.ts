/**
 * What the shaders of attention share. A workgroup takes a tile of queries or keys and meets the other side in blocks, a
 * thread each; then each thread takes a column of the result and goes through the block. Scores live for one block.
 *
 * @module
 */
import { THREADS } from "../shader.ts";

/** Stands for the score of a key that is not seen. */
export const UNSEEN = "-3e38";

/** Names of the members of a tile, and of the columns of a thread. */
export interface TileShape {
  /** Members of a tile. */
  readonly members: readonly number[];
  /** Columns of a head that a thread has, `lane + 64·n`. */
  readonly columns: readonly number[];
  /** How heads are read: four numbers at a time where they come in fours. */
  readonly type: "vec4f" | "f32";
  /** Room for a head in workgroup memory, in such reads. */
  readonly room: number;
  /** Sizes that shaders know as `p.C`, numbers of a head, and `p.parts`, reads of a head. */
  readonly sizes: { readonly C: number; readonly parts: number };
}

/** The shape of tiles of `size` members with heads of `C`. */
export function tileOf(size: number, C: number): TileShape {
  const four = C % 4 === 0, columns = Math.ceil(C / THREADS);
  return {
    members: Array.from({ length: size }, (_, m) => m),
    columns: Array.from({ length: columns }, (_, n) => n),
    type: four ? "vec4f" : "f32",
    room: columns * THREADS / (four ? 4 : 1),
    sizes: { C, parts: four ? C / 4 : C },
  };
}

/** Declares `name`, the heads of a tile in workgroup memory. */
export function declareHeads(name: string, { members, room, type }: TileShape): string {
  return `var<workgroup> ${name}: array<${type}, ${members.length * room}>;`;
}

/** Fills heads that {@link declareHeads} has declared; `head` gives the index of the head of member `m`. */
export function fillHeads(
  name: string,
  { from, head, tile: { members, room } }: { readonly from: string; readonly head: string; readonly tile: TileShape },
): string {
  return `
for (var c = lane; c < ${members.length}u * p.parts; c += ${THREADS}u) {
  let m = c / p.parts;
  ${name}[m * ${room}u + c % p.parts] = ${from}[(${head}) * p.parts + c % p.parts];
}`;
}

/** Adds the product of a part of member `m` of the tile and another part to `sum`. */
export function addProduct(
  sum: string,
  { heads, m, other, tile: { room, type } }: {
    readonly heads: string;
    readonly m: number;
    readonly other: string;
    readonly tile: TileShape;
  },
): string {
  const own = `${heads}[${m * room}u + c]`;
  return type === "vec4f" ? `${sum} += dot(${own}, ${other});` : `${sum} += ${own} * ${other};`;
}

/** Text for each member of a tile. */
export function eachMember({ members }: TileShape, text: (m: number) => string): string {
  return members.map(text).join("\n");
}

/** Text for each column of a thread and each member. */
export function eachSum({ members, columns }: TileShape, text: (m: number, n: number) => string): string {
  return columns.flatMap((n) => members.map((m) => text(m, n))).join("\n");
}

/**
 * `mask(score, own, key)`: what becomes of the score of the key at `key` in keep and segment, for a query of segment `own`:
 * less 1e9 where it is not kept, {@link UNSEEN} where it is of another segment.
 */
export function maskFunction({ keep, segment }: { readonly keep: string; readonly segment: string }): string {
  return `
fn mask(given: f32, own: i32, key: u32) -> f32 {
  var score = given;
  ${keep && `if (${keep}[key] == 0) { score -= 1e9; }`}
  ${segment && `let other = ${segment}[key]; if (other != own && other != (own & -65536)) { score = ${UNSEEN}; }`}
  return score;
}`;
}
