/**
 * Several dispatches of one shader as one: a table in the uniform says where the operands of each part lie and which
 * workgroups are its own.
 *
 * @module
 */
import type { Binding, Dispatch, Element, Place, ShaderText } from "./kernel.ts";
import { storageBytes } from "./memory.ts";
import { declare, gridOf, mainOf } from "./shader.ts";

/** Parts at most, and bytes of a table: what any device has. */
const MOST_PARTS = 256, TABLE_BYTES = 65_536;

/** Marks parts that a table has room for and that do not exist. */
const NOWHERE = 0xffff_ffff;

/** Bytes of an element. */
const elementBytes: Readonly<Record<Element, number>> = { f16: 2, f32: 4, i32: 4, u32: 4, vec4h: 8, vec4f: 16 };

/** Bytes that a binding takes, from the first to the one behind the last. */
export interface Extent {
  /** The buffer. */
  readonly buffer: Place["buffer"];
  /** First byte. */
  readonly start: number;
  /** Byte behind the last. */
  readonly end: number;
}

/** Where a binding lies. */
export function extentOf({ value }: Binding): Extent {
  const { buffer, offset } = value.place;
  return { buffer, start: offset, end: offset + storageBytes(value) };
}

/** A binding that reaches over those of all parts, and over those of other operands among them. */
interface Shared {
  readonly binding: Binding;
  readonly extent: Extent;
  /** Its operands, by number in each part. */
  readonly operands: readonly number[];
}

/**
 * One dispatch that does what `parts` do, which have one text and do not need each other's results.
 *
 * Undefined where a device would not take it: where memory that is written would be bound twice, as numbers of two types,
 * or more than `maxBytes` at once.
 */
export function together(
  parts: readonly Dispatch[],
  { maxBytes }: { readonly maxBytes: number },
): Dispatch | undefined {
  const [first] = parts;
  if (first === undefined || parts.length > MOST_PARTS) return undefined;
  const shared = share(parts);
  if (shared === undefined || shared.some(({ extent: { start, end } }) => end - start > maxBytes)) return undefined;
  const capacity = 4 ** Math.ceil(Math.log2(parts.length) / 2); // few lengths, for each is compiled
  const parameters = writeTable(parts, { shared, capacity });
  if (parameters.byteLength > TABLE_BYTES) return undefined;
  const bindings = shared.map(({ binding, extent: { buffer, start, end } }) => {
    const count = (end - start) / (binding.value.dtype === "f16" ? 2 : 4);
    return { ...binding, value: { ...binding.value, shape: [count], count, place: { buffer, offset: start } } };
  });
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const source = sourceOf(first, { shared, capacity, bindings });
  return { source, text: first.text, bindings, parameters, count, groups: gridOf(count) };
}

/** Bindings over all parts. In a buffer that is written, those that overlap become one. */
function share(parts: readonly Dispatch[]): Shared[] | undefined {
  const separate = parts[0]!.bindings.map((binding, operand): Shared => {
    const extents = parts.map(({ bindings }) => extentOf(bindings[operand]!));
    const start = Math.min(...extents.map((extent) => extent.start));
    const end = Math.max(...extents.map((extent) => extent.end));
    return { binding, extent: { buffer: extents[0]!.buffer, start, end }, operands: [operand] };
  });
  const shared: Shared[] = separate.filter(({ binding }) => !binding.writable);
  let last: Shared | undefined;
  const bufferOf = ({ extent: { buffer } }: Shared) => separate.findIndex(({ extent }) => extent.buffer === buffer);
  const writable = separate.filter(({ binding }) => binding.writable);
  for (const next of writable.sort((a, b) => bufferOf(a) - bufferOf(b) || a.extent.start - b.extent.start)) {
    const { binding, extent: { buffer, start, end } } = next;
    if (last === undefined || last.extent.buffer !== buffer || last.extent.end <= start) {
      shared.push(last = next);
      continue;
    }
    if (last.binding.element !== binding.element) return undefined;
    shared.pop();
    shared.push(
      last = {
        binding: last.binding,
        extent: { buffer, start: last.extent.start, end: Math.max(end, last.extent.end) },
        operands: [...last.operands, ...next.operands],
      },
    );
  }
  return shared;
}

/** Words of a part: its own fields, the number of its first workgroup, where its operands begin. */
function writeTable(
  parts: readonly Dispatch[],
  { shared, capacity }: { readonly shared: readonly Shared[]; readonly capacity: number },
): Uint32Array<ArrayBuffer> {
  const own = parts[0]!.text.fields.length, operands = parts[0]!.bindings.length;
  const stride = Math.ceil((own + 1 + operands) / 4) * 4;
  const words = new Uint32Array(capacity * stride).fill(NOWHERE, parts.length * stride);
  let groups = 0;
  parts.forEach(({ parameters, count, bindings }, part) => {
    words.set(parameters.subarray(0, own), part * stride);
    words[part * stride + own] = groups;
    groups += count;
    for (const { operands, extent, binding } of shared) {
      const bytes = elementBytes[binding.element];
      for (const operand of operands) {
        const { start } = extentOf(bindings[operand]!);
        words[part * stride + own + 1 + operand] = (start - extent.start) / bytes;
      }
    }
  });
  return words;
}

function sourceOf(
  { text, bindings: operands }: Dispatch,
  { shared, capacity, bindings }: {
    readonly shared: readonly Shared[];
    readonly capacity: number;
    readonly bindings: readonly Binding[];
  },
): string {
  const fields = [...text.fields, "first: u32", ...operands.map((_, operand) => `at${operand}: u32`)];
  const padding = Array.from({ length: (4 - fields.length % 4) % 4 }, (_, i) => `unused${i}: u32`);
  const head = shift(text.head, { operands, shared }), body = shift(text.body, { operands, shared });
  // What a thread branches by must come from the uniform itself; functions get a copy.
  const copies = /\bp\./.test(head);
  return [
    ...declare(bindings),
    `struct Part { ${[...fields, ...padding].join(", ")} }`,
    `@group(0) @binding(${bindings.length}) var<uniform> table_: array<Part, ${capacity}>;`,
    ...(copies ? ["var<private> p: Part;", "fn enter_(part: u32) { p = table_[part]; }"] : []),
    head,
    mainOf({ threads: text.threads, before: findPart(capacity, copies), group: "nth - p.first", body }),
  ].join("\n");
}

/** `p`, the last part that begins at `nth` or before. */
function findPart(capacity: number, copies: boolean): string {
  return `
var part_ = 0u;
for (var half = ${capacity / 2}u; half > 0u; half >>= 1u) { if (table_[part_ + half].first <= nth) { part_ += half; } }
${copies ? "enter_(part_);" : ""}
let p = table_[part_];`;
}

/** The text with every operand read and written where its part has it. */
function shift(
  text: ShaderText["head"],
  { operands, shared }: { readonly operands: readonly Binding[]; readonly shared: readonly Shared[] },
): string {
  return text.replaceAll(/\b(\w+_)\[/g, (whole, name: string) => {
    const operand = operands.findIndex((other) => other.name === name);
    if (operand < 0) return whole;
    const { binding } = shared.find(({ operands }) => operands.includes(operand))!;
    return `${binding.name}[p.at${operand} + `;
  });
}
