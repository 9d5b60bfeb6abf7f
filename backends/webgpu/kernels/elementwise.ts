/**
 * Kernels that treat every element on its own: fill, add, scale, advance, gelu, swiglu.
 *
 * @module
 */
import type { GeluKind } from "../../../core/graph/kernels.ts";
import type { Dispatch, Operands } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";
import { expOf, type Lanes } from "../wgsl.ts";
import { each } from "./each.ts";

/** y = value. */
export function fill({ y, value }: Operands<"fill">): Dispatch[] {
  return [each({
    reads: {},
    writes: { y },
    factors: { value },
    count: y.count,
    body: ({ y }, lanes) => `${y}[i] = ${lanes}(p.value);`,
  })];
}

/** y = a + b, where b repeats. */
export function add({ a, b, y }: Operands<"add">): Dispatch[] {
  const period = y.count % 4 === 0 && b.count % 4 === 0 ? b.count / 4 : b.count;
  return [each({
    reads: { a, b },
    writes: { y },
    sizes: { period },
    count: y.count,
    body: ({ a, b, y }) => `${y}[i] = ${a}[i] + ${b}[i % p.period];`,
  })];
}

/** y = factor · x. */
export function scale({ x, y, factor }: Operands<"scale">): Dispatch[] {
  return [each({
    reads: { x },
    writes: { y },
    factors: { factor },
    count: y.count,
    body: ({ x, y }) => `${y}[i] = p.factor * ${x}[i];`,
  })];
}

/** counter += by. */
export function advance({ counter, by }: Operands<"advance">): Dispatch[] {
  return [shader({
    reads: {},
    writes: { counter },
    sizes: { count: counter.count, by: by >>> 0 },
    groups: groupsFor(counter.count),
    body: ({ counter }) => `if (i < p.count) { ${counter}[i] += bitcast<i32>(p.by); }`,
  })];
}

/** y = gelu(x) in one of three flavours (Hendrycks and Gimpel 2016). */
export function gelu({ x, y, kind }: Operands<"gelu">): Dispatch[] {
  return [each({
    reads: { x },
    writes: { y },
    count: y.count,
    head: (lanes) => geluFunctions(kind, lanes),
    body: ({ x, y }) => `let v = ${x}[i]; ${y}[i] = v * gate(v);`,
  })];
}

/** y = gate · sigmoid(gate) · up. */
export function swiglu({ gate, up, y }: Operands<"swiglu">): Dispatch[] {
  return [each({
    reads: { gate, up },
    writes: { y },
    count: y.count,
    head: expOf,
    body: ({ gate, up, y }, lanes) => `let g = ${gate}[i]; ${y}[i] = g / (${lanes}(1.0) + exp_(-g)) * ${up}[i];`,
  })];
}

/**
 * `gate(x)`, what gelu multiplies x by. quick has σ(2u) with 2u = 1.702x, tanh with u = √(2/π)(x + 0.044715x³), since
 * 1 + tanh u = 2σ(2u); erf is a rational approximation on −4 … 4, as in Eigen.
 */
export function geluFunctions(kind: GeluKind, lanes: Lanes): string {
  const gate = {
    quick: `return ${lanes}(1.0) / (${lanes}(1.0) + exp_(x * -1.702));`,
    tanh: `return ${lanes}(1.0) / (${lanes}(1.0) + exp_(fma(x * x * x, ${lanes}(0.044715), x) * -1.5957691216057308));`,
    erf: `return fma(${lanes}(0.5), erf_(x), ${lanes}(0.5));`,
  }[kind];
  return `${expOf(lanes)}\n${kind === "erf" ? erfOf(lanes) : ""}\nfn gate(x: ${lanes}) -> ${lanes} { ${gate} }`;
}

/** `erf_(v)`: erf(v/√2). */
function erfOf(lanes: Lanes): string {
  const upper = [2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05, -7.34990630326855e-04];
  const lower = [-2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02];
  const step = (name: string, value: number) => `${name} = fma(${name}, x2, ${lanes}(${value}));`;
  return `
fn erf_(v: ${lanes}) -> ${lanes} {
  let x = clamp(v * 0.7071067811865476, ${lanes}(-4.0), ${lanes}(4.0));
  let x2 = x * x;
  var a = ${lanes}(-2.72614225801306e-10);
  ${[...upper, -2.95459980854025e-03, -1.60960333262415e-02].map((value) => step("a", value)).join("\n  ")}
  var b = ${lanes}(-1.45660718464996e-05);
  ${lower.map((value) => step("b", value)).join("\n  ")}
  return x * a / b;
}`;
}
