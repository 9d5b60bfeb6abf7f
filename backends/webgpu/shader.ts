/**
 * Puts a shader together: declares bindings and parameters around the text of a kernel.
 *
 * @module
 */
import type { Binding, Dispatch, Element, ShaderText, Value } from "./kernel.ts";

/** Threads of a workgroup where a kernel does not say. */
export const THREADS = 64;

/** Workgroups of the first dimension when one is not enough; any device has that many. */
const ROW_OF_GROUPS = 32_768;

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
  /** Dispatches with the same one write different numbers of what they share, whatever lies where. */
  readonly apart?: object | undefined;
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
  const { groups, threads = THREADS, factors = {} } = spec;
  const { bindings, names } = bind(spec);
  // `groups` stands last, behind the factors.
  const fields = [
    ...Object.keys(spec.sizes ?? {}).map((name) => `${name}: u32`),
    ...Object.keys(factors).map((name) => `${name}: f32`),
    "groups: u32",
  ];
  const text = { fields, head: spec.head?.(names) ?? "", body: spec.body(names), threads };
  return {
    source: sourceOf(text, bindings),
    text,
    bindings,
    parameters: encode(spec.sizes ?? {}, { factors, groups }),
    count: groups,
    apart: spec.apart,
    groups: gridOf(groups),
  };
}

function sourceOf({ fields, head, body, threads }: ShaderText, bindings: readonly Binding[]): string {
  return [
    ...declare(bindings),
    `struct Parameters { ${fields.join(", ")} }`,
    `@group(0) @binding(${bindings.length}) var<uniform> p: Parameters;`,
    head,
    mainOf({ threads, body, group: "nth" }),
  ].join("\n");
}

/** Declarations of bindings, from `@binding(0)` on. */
export function declare(bindings: readonly Binding[]): string[] {
  const halves = bindings.some(({ element }) => element === "f16" || element === "vec4h");
  const declarations = bindings.map(({ name, element, writable }, i) => {
    const access = writable ? "read_write" : "read";
    return `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  return halves ? ["enable f16;", ...declarations] : declarations;
}

/** The function of a thread. `group` is found by statements `before` it, from `nth`, the number of its workgroup. */
export function mainOf(
  { threads, before = "", group, body }: {
    readonly threads: number;
    readonly before?: string;
    readonly group: string;
    readonly body: string;
  },
): string {
  return [
    `@compute @workgroup_size(${threads})`,
    "fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {",
    `let nth = workgroup.y * ${ROW_OF_GROUPS}u + workgroup.x;`,
    before,
    `let group = ${group};`,
    "if (group >= p.groups) { return; }",
    `let i = group * ${threads}u + lane;`,
    body,
    "}",
  ].join("\n");
}

/** So many workgroups in two dimensions, at least. */
export function gridOf(groups: number): [number, number, number] {
  const across = Math.min(groups, ROW_OF_GROUPS);
  return [across, Math.ceil(groups / across), 1];
}

/** Workgroups for one thread each of `count` things. */
export function groupsFor(count: number, threads: number = THREADS): number {
  return Math.ceil(count / threads);
}

function bind<Read extends string, Write extends string>(
  { reads, writes, types = {} }: ShaderSpec<Read, Write>,
): { bindings: Binding[]; names: Names<Read | Write> } {
  type Entry = [Read | Write, Value | undefined];
  const results = Object.entries(writes) as Entry[];
  // Results come first, so that an operand in the same place shares a result's binding.
  const all = [...results, ...Object.entries(reads) as Entry[]];
  const buffers = new Set(results.flatMap(([, value]) => value?.place.buffer ?? []));
  const bindings: Binding[] = [];
  const names = {} as Record<Read | Write, string>;
  const elements: { readonly [Name in Read | Write]?: Element | undefined } = types;
  all.forEach(([operand, value], i) => {
    names[operand] = "";
    if (value === undefined) return;
    const element = elements[operand] ?? value.dtype;
    const twin = bindings.find((other) => samePlace(other.value, value) && other.element === element);
    names[operand] = twin?.name ?? `${operand}_`;
    if (twin !== undefined) return;
    const writable = buffers.has(value.place.buffer);
    bindings.push({ value, name: names[operand], element, writable, written: i < results.length });
  });
  return { bindings, names };
}

/** Whether two values begin in one place. */
export function samePlace(a: Value, b: Value): boolean {
  return a.place.buffer === b.place.buffer && a.place.offset === b.place.offset;
}

type Numbers = Readonly<Record<string, number>>;

function encode(
  sizes: Numbers,
  { factors, groups }: { readonly factors: Numbers; readonly groups: number },
): Uint32Array<ArrayBuffer> {
  const whole = Object.values(sizes), other = Object.values(factors);
  const words = new Uint32Array(Math.ceil((whole.length + other.length + 1) / 4) * 4);
  words.set(whole);
  new Float32Array(words.buffer).set(other, whole.length);
  words[whole.length + other.length] = groups;
  return words;
}
