/**
 * Matrix products: each thread holds a block of the result in registers and reads both operands four numbers at a time.
 *
 * @module
 */
import type { Dispatch, Lowering, Value } from "../kernel.ts";
import { elementOf, groupsFor, type Names, shader } from "../shader.ts";
import { inHalves } from "./halves.ts";

/** What a thread holds of the result, and how the threads of its workgroup lie on it. */
interface Block {
  readonly rows: number;
  readonly columns: number;
  readonly across: number;
  readonly down: number;
}

/** Numbers for any product. */
const usual: Block = { rows: 4, columns: 8, across: 8, down: 8 };

/** On a processor a read from a buffer costs as much as a dozen multiplications, and registers spill into its cache. */
const large: Block = { rows: 16, columns: 16, across: 8, down: 1 };

/** Multiplications from which on the larger block pays: its pipeline takes a second to compile. */
const MANY = 2 ** 22;

/**
 * Which operand is read across: `forward` a [M,K] · b [N,K]ᵀ, `input` a [M,K] · b [K,N], `weight` a [K,M]ᵀ · b [K,N].
 */
export type ProductKind = "forward" | "input" | "weight";

/** A product c [M,N] of a and b over K. */
export interface Product {
  /** Which operands are transposed. */
  readonly kind: ProductKind;
  /** The left one. */
  readonly a: Value;
  /** The right one. */
  readonly b: Value;
  /** The result. */
  readonly c: Value;
  /** Rows of c. */
  readonly M: number;
  /** Columns of c. */
  readonly N: number;
  /** Terms of each sum. */
  readonly K: number;
  /** Added to the result: c itself, or what lies elsewhere in the shape of c. */
  readonly plus?: Value | undefined;
  /** Added to every row. */
  readonly bias?: Value | undefined;
  /**
   * Only rows offsets[expert] … offsets[expert + 1]: of a and c, or of a and b where those are summed over.
   */
  readonly range?: { readonly offsets: Value; readonly expert: number } | undefined;
}

type Operand = "a" | "b" | "c" | "bias" | "plus" | "offsets";

/** The dispatches of a product; where products are in f16 both sides are rounded first, which halves what is read. */
export function product(spec: Product, lowering: Lowering): Dispatch[] {
  if (!lowering.half) return [multiply(spec, lowering)];
  const a = inHalves(spec.a, lowering), b = inHalves(spec.b, lowering);
  return [...a.dispatches, ...b.dispatches, multiply({ ...spec, a: a.halves, b: b.halves }, lowering)];
}

function multiply(
  { kind, a, b, c, M, N, K, plus, bias, range }: Product,
  { software }: Pick<Lowering, "software">,
): Dispatch {
  const aWidth = kind === "weight" ? M : K, bWidth = kind === "forward" ? K : N;
  const four = { a: aWidth % 4 === 0, b: bWidth % 4 === 0, c: N % 4 === 0 };
  const block = software && M * N * K >= MANY && M >= large.rows && four.a && four.b && four.c ? large : usual;
  const { rows, columns, across: threadsAcross, down } = block;
  const across = groupsFor(N, columns * threadsAcross);
  return shader<Operand, Operand>({
    reads: { a, b, bias, plus, offsets: range?.offsets } as Record<Operand, Value | undefined>,
    writes: { c } as Record<Operand, Value | undefined>,
    types: { a: elementOf(a, four.a), b: elementOf(b, four.b), c: elementOf(c, four.c), plus: elementOf(c, four.c) },
    sizes: { M, N, K, across, expert: range?.expert ?? 0 },
    threads: threadsAcross * down,
    apart: range?.offsets, // each expert has rows of its own
    groups: across * groupsFor(M, rows * down),
    head: (names) => `
${load({ name: "loadA", from: names.a, width: kind === "weight" ? "p.M" : "p.K", four: four.a })}
${load({ name: "loadB", from: names.b, width: kind === "forward" ? "p.K" : "p.N", four: four.b })}`,
    body: (names) => `
${range ? `let first = u32(${names.offsets}[p.expert]); let last = u32(${names.offsets}[p.expert + 1u]);` : ""}
let end = ${range && kind !== "weight" ? "last" : "p.M"};
let row = ${
      range && kind !== "weight" ? "first + " : ""
    }(group / p.across * ${down}u + lane / ${threadsAcross}u) * ${rows}u;
let column = (group % p.across * ${threadsAcross}u + lane % ${threadsAcross}u) * ${columns}u;
if (row >= end || column >= p.N) { return; }
${declareSums(block, names.bias)}
${
      range && kind === "weight"
        ? loop(block, { kind, from: "first", to: "last" })
        : loop(block, { kind, from: "0u", to: "p.K" })
    }
${store(block, { names, four: four.c })}`,
  });
}

const lanes = [0, 1, 2, 3] as const;

/** Rows of a block. */
function rowsIn({ rows }: Block): number[] {
  return Array.from({ length: rows }, (_, i) => i);
}

/** Each four columns of a block. */
function foursIn({ columns }: Block): number[] {
  return Array.from({ length: columns / 4 }, (_, j) => j);
}

/** Text for each row and each four columns of a block. */
function each(block: Block, text: (row: number, four: number) => string): string {
  return rowsIn(block).flatMap((i) => foursIn(block).map((j) => text(i, j))).join("\n");
}

/** `name(row, column, rows)`: four numbers of a matrix, zeros past its width, the last row again past the last. */
function load(
  { name, from, width, four }: { name: string; from: string; width: string; four: boolean },
): string {
  const at = `min(row, rows - 1u) * ${width}`;
  const one = (lane: number) => `select(0.0, f32(${from}[at + min(column + ${lane}u, w - 1u)]), column + ${lane}u < w)`;
  return `
fn ${name}(row: u32, column: u32, rows: u32) -> vec4f {
  let w = ${width};
  ${
    four
      ? `return vec4f(${from}[(${at} + min(column, w - 4u)) / 4u]);`
      : `let at = ${at};\n  return vec4f(${lanes.map(one).join(", ")});`
  }
}`;
}

function declareSums(block: Block, bias: string): string {
  const one = (column: number) => bias === "" ? "0.0" : `${bias}[min(column + ${column}u, p.N - 1u)]`;
  return each(block, (i, j) => `var s${i}_${j} = vec4f(${lanes.map((lane) => one(4 * j + lane)).join(", ")});`);
}

/** Adds up over k in steps of four, or of one where a step has four rows of the block. */
function loop(block: Block, { kind, from, to }: { kind: ProductKind; from: string; to: string }): string {
  const step = kind === "weight" ? 1 : 4;
  return `for (var k = ${from}; k < ${to}; k += ${step}u) {\n${steps[kind](block)}\n}`;
}

const steps: Readonly<Record<ProductKind, (block: Block) => string>> = {
  forward: (block) =>
    [
      ...rowsIn(block).map((i) => `let a${i} = loadA(row + ${i}u, k, p.M);`),
      ...foursIn(block).flatMap((j) => lanes.map((n) => `let b${j}_${n} = loadB(column + ${4 * j + n}u, k, p.N);`)),
      each(block, (i, j) => `s${i}_${j} += vec4f(${lanes.map((n) => `dot(a${i}, b${j}_${n})`).join(", ")});`),
    ].join("\n"),
  input: (block) =>
    [
      ...rowsIn(block).map((i) => `let a${i} = loadA(row + ${i}u, k, p.M);`),
      ...lanes.map((n) =>
        [
          ...foursIn(block).map((j) => `let b${n}_${j} = loadB(k + ${n}u, column + ${4 * j}u, p.K);`),
          each(block, (i, j) => `s${i}_${j} = fma(vec4f(a${i}[${n}]), b${n}_${j}, s${i}_${j});`),
        ].join("\n")
      ),
    ].join("\n"),
  weight: (block) =>
    [
      ...rowsIn(block).filter((i) => i % 4 === 0).map((i) => `let a${i} = loadA(k, row + ${i}u, p.K);`),
      ...foursIn(block).map((j) => `let b${j} = loadB(k, column + ${4 * j}u, p.K);`),
      each(block, (i, j) => `s${i}_${j} = fma(vec4f(a${i - i % 4}[${i % 4}]), b${j}, s${i}_${j});`),
    ].join("\n"),
};

function store(
  block: Block,
  { names: { c, plus }, four }: { names: Names<Operand>; four: boolean },
): string {
  const set = (at: string, sum: string) => `${c}[${at}] = ${plus && `${plus}[${at}] + `}${sum};`;
  return each(block, (i, j) => {
    const inside = `row + ${i}u < end && column + ${4 * j}u < p.N`;
    const at = `(row + ${i}u) * p.N + column + ${4 * j}u`;
    if (four) return `if (${inside}) { ${set(`(${at}) / 4u`, `s${i}_${j}`)} }`;
    const one = (n: number) => `if (column + ${4 * j + n}u < p.N) { ${set(`${at} + ${n}u`, `s${i}_${j}[${n}]`)} }`;
    return `if (${inside}) { ${lanes.map(one).join(" ")} }`;
  });
}
