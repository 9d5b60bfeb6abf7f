/**
 * Puts a shader together: declares bindings and parameters around the text of a kernel.
 *
 * @module
 */
import type { Binding, Dispatch, Value } from "./kernel.ts";

/** Threads of a workgroup where a kernel does not say. */
export const THREADS = 64;

/** Workgroups of the first dimension when one is not enough; any device has that many. */
const ROW_OF_GROUPS = 32_768;

/** How the elements of a binding are seen. */
export type Element = "f32" | "i32" | "u32" | "vec4f" | "f16" | "vec4h";

/** How a value is seen, one number or four at a time; the text says `f32(…)` or `vec4f(…)` of what may be halves. */
export function elementOf({ dtype }: Value, four: boolean): Element {
  if (!four) return dtype;
  return dtype === "f16" ? "vec4h" : "vec4f";
}

/** Names by operand, as the text of the shader has them; empty for an absent operand. */
export type Names<Operand extends string> = { readonly [Name in Operand]: string };

/** Operands by name; absent ones are undefined. */
export type Values<Operand extends string> = { readonly [Name in Operand]: Value | undefined };

/** A kernel's own part of a shader. */
export interface ShaderSpec<Read extends string, Write extends string> {
  /** What it reads. */
  readonly reads: Values<Read>;
  /** What it writes, and may read. */
  readonly writes: Values<Write>;
  /** How elements are seen where that is not their own type. */
  readonly types?: { readonly [Name in NoInfer<Read | Write>]?: Element | undefined } | undefined;
  /** Whole numbers that the text calls `p.name`; they stand in a uniform, so that one pipeline does for every shape. */
  readonly sizes?: Readonly<Record<string, number>> | undefined;
  /** Other numbers that the text calls `p.name`. */
  readonly factors?: Readonly<Record<string, number>> | undefined;
  /** Threads of a workgroup. Default 64. */
  readonly threads?: number | undefined;
  /** Workgroups in all. The text finds which one it is in as `group`, and leaves if it is not below this number. */
  readonly groups: number;
  /** Functions and workgroup variables. */
  readonly head?: ((names: Names<Read | Write>) => string) | undefined;
  /** Statements of one thread: `lane` of its workgroup, `group`, and `i` among all threads. */
  readonly body: (names: Names<Read | Write>) => string;
}

/**
 * Makes a dispatch of a kernel's text.
 *
 * Two operands in one place share a binding, for a device refuses memory that is bound twice and written. Where a
 * buffer is written, all that lies in it is declared for writing: a dispatch uses a buffer in one way only.
 */
export function shader<Read extends string, Write extends string>(spec: ShaderSpec<Read, Write>): Dispatch {
  const { groups, threads = THREADS } = spec;
  const { declarations, bindings, names } = bind(spec);
  const sizes = { ...spec.sizes, groups };
  const across = Math.min(groups, ROW_OF_GROUPS);
  const halves = declarations.some((text) => text.includes("<f16>") || text.includes("<vec4h>"));
  const source = [
    ...halves ? ["enable f16;"] : [],
    ...declarations,
    declareParameters(sizes, spec.factors ?? {}, bindings.length),
    spec.head?.(names) ?? "",
    `@compute @workgroup_size(${threads})`,
    "fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {",
    `let group = workgroup.y * ${ROW_OF_GROUPS}u + workgroup.x;`,
    "if (group >= p.groups) { return; }",
    `let i = group * ${threads}u + lane;`,
    spec.body(names),
    "}",
  ].join("\n");
  return {
    source,
    bindings,
    parameters: encode(sizes, spec.factors ?? {}),
    groups: [across, Math.ceil(groups / across), 1],
  };
}

/** Workgroups for one thread each of `count` things. */
export function groupsFor(count: number, threads: number = THREADS): number {
  return Math.ceil(count / threads);
}

function bind<Read extends string, Write extends string>(
  { reads, writes, types = {} }: ShaderSpec<Read, Write>,
): { declarations: string[]; bindings: Binding[]; names: Names<Read | Write> } {
  type Entry = [Read | Write, Value | undefined];
  const all = [...Object.entries(writes), ...Object.entries(reads)] as Entry[];
  const written = new Set(
    (Object.values(writes) as (Value | undefined)[]).flatMap((value) => value?.place.buffer ?? []),
  );
  const declarations: string[] = [], bindings: Binding[] = [];
  const names = {} as Record<Read | Write, string>;
  const elements: { readonly [Name in Read | Write]?: Element | undefined } = types;
  const known = new Map<string, { readonly value: Value; readonly element: Element }>();
  for (const [operand, value] of all) {
    names[operand] = "";
    if (value === undefined) continue;
    const element = elements[operand] ?? value.dtype;
    const twin = [...known].find(([, other]) => samePlace(other.value, value) && other.element === element);
    if (twin !== undefined) {
      names[operand] = twin[0];
      continue;
    }
    const name = `${operand}_`;
    names[operand] = name;
    known.set(name, { value, element });
    const writable = written.has(value.place.buffer);
    const access = writable ? "read_write" : "read";
    declarations.push(
      `@group(0) @binding(${bindings.length}) var<storage, ${access}> ${name}: array<${element}>;`,
    );
    bindings.push({ value, writable });
  }
  return { declarations, bindings, names };
}

function samePlace(a: Value, b: Value): boolean {
  return a.place.buffer === b.place.buffer && a.place.offset === b.place.offset;
}

type Numbers = Readonly<Record<string, number>>;

function declareParameters(sizes: Numbers, factors: Numbers, binding: number): string {
  const whole = Object.keys(sizes), other = Object.keys(factors);
  const fields = [...whole.map((name) => `${name}: u32`), ...other.map((name) => `${name}: f32`)];
  const struct = `struct Parameters { ${fields.join(", ")} }`;
  return `${struct}\n@group(0) @binding(${binding}) var<uniform> p: Parameters;`;
}

function encode(sizes: Numbers, factors: Numbers): Uint32Array<ArrayBuffer> {
  const whole = Object.values(sizes), other = Object.values(factors);
  const words = new Uint32Array(Math.ceil((whole.length + other.length) / 4) * 4);
  words.set(whole);
  new Float32Array(words.buffer).set(other, whole.length);
  return words;
}
