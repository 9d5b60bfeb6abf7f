/**
 * Matrix products: each thread holds a block of the result in registers and reads both operands four numbers at a time.
 *
 * @module
 */
import type { Dispatch, Value } from "../kernel.ts";
import { groupsFor, type Names, shader } from "../shader.ts";

/** Rows and columns of a thread's block, and how its workgroup's 64 threads lie on the result. */
const ROWS = 4, COLUMNS = 8, ACROSS = 8, DOWN = 8;

/** Multiplications from which on sizes are worth a pipeline of their own. */
const BAKED = 2 ** 22;

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
  /** Whether c is added to. */
  readonly add: boolean;
  /** Added to every row. */
  readonly bias?: Value | undefined;
  /**
   * Only rows offsets[expert] … offsets[expert + 1]: of a and c, or of a and b where those are summed over.
   */
  readonly range?: { readonly offsets: Value; readonly expert: number } | undefined;
}

type Operand = "a" | "b" | "c" | "bias" | "offsets";

/** The dispatch of a product. */
export function product({ kind, a, b, c, M, N, K, add, bias, range }: Product): Dispatch {
  const aWidth = kind === "weight" ? M : K, bWidth = kind === "forward" ? K : N;
  const four = { a: aWidth % 4 === 0, b: bWidth % 4 === 0, c: N % 4 === 0 };
  const type = (fours: boolean) => fours ? "vec4f" : "f32";
  const across = groupsFor(N, COLUMNS * ACROSS);
  return shader<Operand, Operand>({
    reads: { a, b, bias, offsets: range?.offsets } as Record<Operand, Value | undefined>,
    writes: { c } as Record<Operand, Value | undefined>,
    types: { a: type(four.a), b: type(four.b), c: type(four.c) },
    sizes: { M, N, K, across, expert: range?.expert ?? 0 },
    baked: M * N * K >= BAKED,
    groups: across * groupsFor(M, ROWS * DOWN),
    head: (names) => `
${load({ name: "loadA", from: names.a, width: kind === "weight" ? "p.M" : "p.K", four: four.a })}
${load({ name: "loadB", from: names.b, width: kind === "forward" ? "p.K" : "p.N", four: four.b })}`,
    body: (names) => `
${range ? `let first = u32(${names.offsets}[p.expert]); let last = u32(${names.offsets}[p.expert + 1u]);` : ""}
let end = ${range && kind !== "weight" ? "last" : "p.M"};
let row = ${range && kind !== "weight" ? "first + " : ""}(group / p.across * ${DOWN}u + lane / ${ACROSS}u) * ${ROWS}u;
let column = (group % p.across * ${ACROSS}u + lane % ${ACROSS}u) * ${COLUMNS}u;
if (row >= end || column >= p.N) { return; }
${declareSums(bias ? names.bias : "")}
${range && kind === "weight" ? loop(kind, { from: "first", to: "last" }) : loop(kind, { from: "0u", to: "p.K" })}
${store(names, { four: four.c, add })}`,
  });
}

const rows = Array.from({ length: ROWS }, (_, i) => i);
const fours = Array.from({ length: COLUMNS / 4 }, (_, j) => j);
const lanes = [0, 1, 2, 3] as const;

/** Text for each row and each four columns of a block. */
function each(text: (row: number, four: number) => string): string {
  return rows.flatMap((i) => fours.map((j) => text(i, j))).join("\n");
}

/** `name(row, column, rows)`: four numbers of a matrix, zeros past its width, the last row again past the last. */
function load(
  { name, from, width, four }: { name: string; from: string; width: string; four: boolean },
): string {
  const at = `min(row, rows - 1u) * ${width}`;
  const one = (lane: number) => `select(0.0, ${from}[at + min(column + ${lane}u, w - 1u)], column + ${lane}u < w)`;
  return `
fn ${name}(row: u32, column: u32, rows: u32) -> vec4f {
  let w = ${width};
  ${
    four
      ? `return ${from}[(${at} + min(column, w - 4u)) / 4u];`
      : `let at = ${at};\n  return vec4f(${lanes.map(one).join(", ")});`
  }
}`;
}

function declareSums(bias: string): string {
  const one = (column: number) => bias === "" ? "0.0" : `${bias}[min(column + ${column}u, p.N - 1u)]`;
  return each((i, j) => `var s${i}_${j} = vec4f(${lanes.map((lane) => one(4 * j + lane)).join(", ")});`);
}

/** Adds up over k in steps of four, or of one where a step has four rows of the block. */
function loop(kind: ProductKind, { from, to }: { from: string; to: string }): string {
  const step = kind === "weight" ? 1 : 4;
  return `for (var k = ${from}; k < ${to}; k += ${step}u) {\n${steps[kind]()}\n}`;
}

const steps: Readonly<Record<ProductKind, () => string>> = {
  forward: () =>
    [
      ...rows.map((i) => `let a${i} = loadA(row + ${i}u, k, p.M);`),
      ...fours.flatMap((j) => lanes.map((n) => `let b${j}_${n} = loadB(column + ${4 * j + n}u, k, p.N);`)),
      each((i, j) => `s${i}_${j} += vec4f(${lanes.map((n) => `dot(a${i}, b${j}_${n})`).join(", ")});`),
    ].join("\n"),
  input: () =>
    [
      ...rows.map((i) => `let a${i} = loadA(row + ${i}u, k, p.M);`),
      ...lanes.map((n) =>
        [
          ...fours.map((j) => `let b${n}_${j} = loadB(k + ${n}u, column + ${4 * j}u, p.K);`),
          each((i, j) => `s${i}_${j} = fma(vec4f(a${i}[${n}]), b${n}_${j}, s${i}_${j});`),
        ].join("\n")
      ),
    ].join("\n"),
  weight: () =>
    [
      ...rows.filter((i) => i % 4 === 0).map((i) => `let a${i} = loadA(k, row + ${i}u, ${"p.K"});`),
      ...fours.map((j) => `let b${j} = loadB(k, column + ${4 * j}u, p.K);`),
      each((i, j) => `s${i}_${j} = fma(vec4f(a${i - i % 4}[${i % 4}]), b${j}, s${i}_${j});`),
    ].join("\n"),
};

function store({ c }: Names<Operand>, { four, add }: { four: boolean; add: boolean }): string {
  const operator = add ? "+=" : "=";
  return each((i, j) => {
    const inside = `row + ${i}u < end && column + ${4 * j}u < p.N`;
    const at = `(row + ${i}u) * p.N + column + ${4 * j}u`;
    if (four) return `if (${inside}) { ${c}[(${at}) / 4u] ${operator} s${i}_${j}; }`;
    const one = (n: number) =>
      `if (column + ${4 * j + n}u < p.N) { ${c}[${at} + ${n}u] ${operator} s${i}_${j}[${n}]; }`;
    return `if (${inside}) { ${lanes.map(one).join(" ")} }`;
  });
}
