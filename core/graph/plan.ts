/**
 * A graph made ready to run: where every temporary lies, how much memory and work the whole takes.
 *
 * @module
 */
import { costOf } from "./cost.ts";
import type { Graph } from "./graph.ts";
import { type Call, inPlace, tensorsOf } from "./kernels.ts";
import { byteLength, formatShape, type Tensor } from "./tensor.ts";

/** Alignment of every tensor in the arena: what WebGPU may ask of a binding, and whole cache lines. */
export const alignment = 256;

/** A recorded program, the same for every backend. */
export interface Plan {
  /** Kernel calls in order. */
  readonly calls: readonly Call[];
  /** Inputs by name. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Outputs by name. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Parameters, constants and states, by name: the storages a program needs. */
  readonly storages: ReadonlyMap<string, Tensor>;
  /** Values of the constants, by name. */
  readonly constants: ReadonlyMap<string, Float32Array>;
  /** Byte offset in the arena of every input and temporary that has its own memory, by tensor id. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Bytes of the arena. */
  readonly arenaBytes: number;
  /** Bytes of the parameters, counted in C order. */
  readonly parameterBytes: number;
  /** Floating-point operations of one run. */
  readonly flops: number;
  /** Bytes touched by one run, each call counted on its own. */
  readonly bytes: number;
  /** What matrix products multiply; see {@link PlanOptions}. */
  readonly products: "f32" | "f16";
}

/** Options of {@link planGraph}. */
export interface PlanOptions {
  /**
   * What matrix products of more than a few rows multiply. With `f16` both sides are rounded to it; sums and everything
   * else stay f32. Only for backends with `capabilities.f16`. Default `f32`.
   */
  readonly products?: "f32" | "f16" | undefined;
}

/** A block of arena memory: the calls (first to last) during which it holds a value. */
interface Block {
  readonly tensor: Tensor;
  readonly bytes: number;
  first: number;
  last: number;
  offset: number;
}

/**
 * Plans a graph: lifetimes, arena offsets (largest block first, lowest fitting offset), cost.
 *
 * Inputs and outputs keep their memory for the whole run. An output of a kernel that can run in place takes
 * over the memory of an operand that nobody reads afterwards.
 */
export function planGraph(graph: Graph, { products = "f32" }: PlanOptions = {}): Plan {
  const blocks = findBlocks(graph);
  const arenaBytes = placeBlocks([...new Set(blocks.values())]);
  const costs = graph.calls.map(costOf);
  const storages = new Map([...graph.named].filter(([, tensor]) => tensor.role !== "input"));
  const parameters = [...storages.values()].filter((tensor) => tensor.role === "parameter");
  return {
    calls: graph.calls,
    inputs: new Map([...graph.named].filter(([, tensor]) => tensor.role === "input")),
    outputs: graph.outputs,
    storages,
    constants: graph.constants,
    offsets: new Map([...blocks].map(([id, block]) => [id, block.offset])),
    arenaBytes,
    parameterBytes: parameters.reduce((sum, tensor) => sum + byteLength(tensor), 0),
    flops: costs.reduce((sum, cost) => sum + cost.flops, 0),
    bytes: costs.reduce((sum, cost) => sum + cost.bytes, 0),
    products,
  };
}

/** Blocks by id of the tensors that live in them. */
function findBlocks(graph: Graph): Map<number, Block> {
  const blocks = new Map<number, Block>();
  const end = graph.calls.length;
  const open = (tensor: Tensor, first: number, last: number) => {
    const bytes = Math.ceil(byteLength(tensor) / alignment) * alignment;
    blocks.set(tensor.id, { tensor, bytes, first, last, offset: 0 });
  };
  for (const tensor of graph.named.values()) if (tensor.role === "input") open(tensor, 0, end);
  graph.calls.forEach((call, time) => {
    for (const { base } of [...tensorsOf(call.inputs), ...tensorsOf(call.outputs)]) {
      if (base.role !== "temporary") continue;
      const block = blocks.get(base.id);
      if (block === undefined) open(base, time, time);
      else block.last = time;
    }
  });
  for (const { base } of graph.outputs.values()) {
    const block = blocks.get(base.id);
    if (block !== undefined) block.last = end;
  }
  graph.calls.forEach((call, time) => reuseInPlace(call, time, blocks));
  return blocks;
}

/** Lets a call's output take over the block of the operand it may overwrite. */
function reuseInPlace(call: Call, time: number, blocks: Map<number, Block>): void {
  const operand = inPlace[call.kernel];
  if (operand === undefined || !("y" in call.outputs)) return;
  const source = (call.inputs as Record<string, Tensor>)[operand]!;
  const from = blocks.get(source.base.id);
  const to = blocks.get(call.outputs.y.id);
  if (from === undefined || to === undefined || source.base.role !== "temporary") return;
  const readElsewhere = tensorsOf(call.inputs).filter((tensor) => tensor.base === source.base).length > 1;
  if (from.last !== time || to.first !== time || from.bytes !== to.bytes || readElsewhere) return;
  from.last = to.last;
  blocks.set(call.outputs.y.id, from);
}

/** Gives every block an offset so that no two alive at once overlap; returns the arena's size. */
function placeBlocks(blocks: Block[]): number {
  const placed: Block[] = [];
  let size = 0;
  for (const block of blocks.sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let offset = 0;
    for (const other of placed) {
      if (other.last < block.first || other.first > block.last) continue;
      if (other.offset >= offset + block.bytes) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    block.offset = offset;
    size = Math.max(size, offset + block.bytes);
    const at = placed.findIndex((other) => other.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, block);
  }
  return size;
}

/** A readable listing: one line per call with shapes and arena offsets, then the totals. */
export function dumpPlan(plan: Plan): string {
  const show = (tensor: Tensor) => {
    const offset = plan.offsets.get(tensor.base.id);
    const place = tensor.base.role === "temporary" ? `@${offset}` : tensor.base.name;
    return `${tensor.dtype}${formatShape(tensor.shape)} ${place}`;
  };
  const lines = plan.calls.map((call, i) => {
    const inputs = tensorsOf(call.inputs).map(show).join(", ");
    const outputs = tensorsOf(call.outputs).map(show).join(", ");
    const attributes = Object.entries(call.attributes).map(([name, value]) => ` ${name}=${value}`).join("");
    return `${String(i).padStart(4)} ${call.kernel}${attributes} (${inputs}) -> ${outputs}`;
  });
  return [
    ...lines,
    `${plan.calls.length} calls, ${plan.storages.size} storages, ${plan.parameterBytes} parameter bytes, ` +
    `${plan.arenaBytes} arena bytes, ${plan.flops} FLOPs, ${plan.bytes} bytes moved`,
  ].join("\n");
}
