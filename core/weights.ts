/**
 * Weights from a checkpoint into a backend's memory, strictly: nothing missing, nothing left over.
 *
 * @module
 */
import type { Backend, Storage } from "./backend.ts";
import { WeightError } from "./errors.ts";
import { globPattern } from "./glob.ts";
import type { Plan } from "./graph/plan.ts";
import { elementCount, formatShape, sameShape, type StorageSpec, type Tensor } from "./graph/tensor.ts";

/** One tensor of a checkpoint. */
export interface SourceTensor {
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  /**
   * Its numbers in C order, widened to f32 when asked for. Where that takes memory, `scratch`, of at least as many
   * elements, may be used for it: fresh memory costs more time than the reading.
   */
  toFloat32(scratch?: Float32Array): Float32Array;
  /** Whether another tensor is the same place of the same file, so that nobody has to compare them. Default false. */
  sharesNumbers?(other: SourceTensor): boolean;
}

/** Tensors of a checkpoint by name. */
export type TensorSource = ReadonlyMap<string, SourceTensor>;

/** Options of {@link bindWeights}. */
export interface BindOptions {
  /** Checkpoints that together hold every parameter. */
  readonly sources: readonly TensorSource[];
  /** Parameters stored under two names: `[name in the plans, other name in checkpoints]`. Default none. */
  readonly tied?: readonly (readonly [name: string, alias: string])[] | undefined;
  /** Tensors of the sources that may stay unused, matched by name. Default none. */
  readonly ignores?: readonly RegExp[] | undefined;
  /** Parameters that the sources may lack, `*` for any characters: `["vision_proj.*"]`; zeros then. Default none. */
  readonly allowMissing?: readonly string[] | undefined;
  /** Told what is taken from where, once it is known to fit and before any of it is read. */
  readonly onOrigins?: ((origins: readonly ParameterOrigin[]) => void) | undefined;
  /** Told which matrices have numbers beyond f16 and so are held in f32, where the backend holds others in f16. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/** A parameter of the plans, and where its numbers come from. */
export interface ParameterOrigin {
  /** Its name in the plans. */
  readonly name: string;
  /** Extents, slowest first. */
  readonly shape: readonly number[];
  /** The source that has it; undefined if none has, which `allowMissing` lets pass. */
  readonly source: TensorSource | undefined;
}

/** A tensor of a source and the name it has there. */
interface Found {
  readonly name: string;
  readonly tensor: SourceTensor;
  readonly source: TensorSource;
}

/** Everything wrong with the sources, by kind. */
interface Complaints {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly misshapen: string[];
  readonly contradictory: string[];
}

/**
 * Allocates every storage that the plans need, each once: parameters from the sources, constants from the plans,
 * states zeroed. Matrices are held in the type that the backend holds weights in, those with a number too large for f16
 * in f32.
 *
 * A source may name the tensors of a vision encoder with or without the `vision_model.` prefix. Either name of a
 * tied pair will do; with both, their numbers must agree bit for bit.
 *
 * @throws {WeightError} listing all tensors that are missing, unexpected, mis-shaped or contradictory
 */
export function bindWeights(backend: Backend, plans: readonly Plan[], options: BindOptions): Map<string, Storage> {
  const parameters = parametersOf(plans);
  const values = findParameters(parameters, options);
  options.onOrigins?.(originsOf(parameters, values));
  const storages = new Map<string, Storage>();
  const largest = Math.max(0, ...[...parameters.values()].map(({ shape }) => elementCount(shape)));
  using scratch = reserveScratch(backend, largest);
  for (const [name, tensor] of parameters) {
    const value = values.get(name);
    const held = heldAs(tensor, backend);
    const numbers = held.dtype === "f16" ? value?.tensor.toFloat32(scratch.numbers()) : undefined;
    const storage = backend.alloc(numbers && !fitsHalves(name, { ...options, numbers }) ? tensor : held);
    if (value !== undefined) backend.write(storage, value.tensor.toFloat32(scratch.numbers()));
    storages.set(name, storage);
  }
  for (const plan of plans) allocateMissing(backend, plan, storages);
  return storages;
}

/** What to allocate for a tensor: a weight's matrix in the type that the backend holds weights in. */
export function heldAs(tensor: Tensor, { capabilities }: Backend): StorageSpec {
  const halved = capabilities.weights === "f16" && tensor.layout === "matrix" && tensor.role === "parameter";
  return halved ? { ...tensor, dtype: "f16" } : tensor;
}

/** Half a step above the largest half, 65504: from here on numbers round to infinity. */
const tooLarge = 65520;

/** Whether numbers fit f16; says which do not. */
function fitsHalves(
  name: string,
  { numbers, onNotice }: Pick<BindOptions, "onNotice"> & { readonly numbers: Float32Array },
): boolean {
  for (let i = 0; i < numbers.length; i++) {
    if (!(Math.abs(numbers[i]!) >= tooLarge)) continue;
    onNotice?.(`"${name}" stays in f32: its element ${i} is ${numbers[i]}, too large for f16`);
    return false;
  }
  return true;
}

/**
 * What {@link bindWeights} takes from where, without touching a backend.
 *
 * @throws {WeightError} as it does
 */
export function parameterOrigins(plans: readonly Plan[], options: BindOptions): ParameterOrigin[] {
  const parameters = parametersOf(plans);
  return originsOf(parameters, findParameters(parameters, options));
}

function originsOf(
  parameters: ReadonlyMap<string, Tensor>,
  values: ReadonlyMap<string, Found>,
): ParameterOrigin[] {
  return [...parameters].map(([name, { shape }]) => ({ name, shape, source: values.get(name)?.source }));
}

/**
 * Memory that tensors pass through: the backend's own where it can be reached, which saves a copy. Two of them in turn,
 * for one may still be read while the next tensor comes in.
 */
function reserveScratch(backend: Backend, count: number): Disposable & { numbers(): Float32Array } {
  if (backend.view === undefined) {
    const numbers = new Float32Array(count);
    return { numbers: () => numbers, [Symbol.dispose]() {} };
  }
  const alloc = () => backend.alloc({ name: "scratch", dtype: "f32", shape: [count], layout: "rows" });
  const storages = [alloc(), alloc()] as const;
  let turn = 0;
  return {
    numbers: () => backend.view!(storages[turn = 1 - turn]!),
    [Symbol.dispose]: () => storages.forEach((storage) => backend.free(storage)),
  };
}

/** Every parameter of the plans, once. */
function parametersOf(plans: readonly Plan[]): Map<string, Tensor> {
  return new Map(plans.flatMap((plan) => [...plan.storages].filter(([, { role }]) => role === "parameter")));
}

/** Allocates the constants and states of a plan that `storages` lacks, and adds them to it. */
export function allocateMissing(backend: Backend, plan: Plan, storages: Map<string, Storage>): void {
  for (const [name, tensor] of plan.storages) {
    if (tensor.role === "parameter" || storages.has(name)) continue;
    const storage = backend.alloc(tensor);
    const values = plan.constants.get(name);
    if (values !== undefined) backend.write(storage, values);
    storages.set(name, storage);
  }
}

const prefix = "vision_model.";

/** One spelling for the two that transformers 4 and 5 give a vision encoder's tensors. */
function canonical(name: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Whether a pattern matches a name in one of its spellings. */
function matches(name: string, patterns: readonly RegExp[]): boolean {
  const spellings = [name, canonical(name), prefix + canonical(name)];
  return patterns.some((pattern) => spellings.some((spelling) => pattern.test(spelling)));
}

/** The source tensor of every parameter; throws unless the two sides fit without remainder. */
function findParameters(parameters: ReadonlyMap<string, Tensor>, options: BindOptions): Map<string, Found> {
  const { sources, tied = [], ignores = [] } = options;
  const optional = (options.allowMissing ?? []).map(globPattern);
  const complaints: Complaints = { missing: [], unexpected: [], misshapen: [], contradictory: [] };
  const found = indexSources(sources, complaints);
  const unused = new Map(found);
  const values = new Map<string, Found>();
  for (const [name, { shape }] of parameters) {
    const names = [name, ...tied.filter(([known]) => known === name).map(([, alias]) => alias)].map(canonical);
    const copies = names.map((key) => found.get(key)).filter((copy) => copy !== undefined);
    for (const key of names) unused.delete(key);
    for (const { name, tensor } of copies) {
      if (sameShape(tensor.shape, shape)) continue;
      complaints.misshapen.push(`"${name}" is ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`);
    }
    const [first, second] = copies;
    if (first !== undefined) values.set(name, first);
    else if (!matches(name, optional)) complaints.missing.push(`"${name}" ${formatShape(shape)}`);
    if (second !== undefined && !sameBits(first!.tensor, second.tensor)) {
      complaints.contradictory.push(`"${first!.name}" and "${second.name}" are tied but differ`);
    }
  }
  for (const { name, tensor } of unused.values()) {
    if (!matches(name, ignores)) complaints.unexpected.push(`"${name}" ${formatShape(tensor.shape)}`);
  }
  report(complaints);
  for (const glob of options.allowMissing ?? []) {
    if ([...parameters.keys()].some((name) => matches(name, [globPattern(glob)]))) continue;
    throw new WeightError(`Cannot bind weights: no parameter is called "${glob}", which may be missing`);
  }
  return values;
}

/** Tensors of all sources by canonical name. */
function indexSources(sources: readonly TensorSource[], complaints: Complaints): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const source of sources) {
    for (const [name, tensor] of source) {
      const key = canonical(name);
      if (found.has(key)) complaints.contradictory.push(`"${name}" is there twice`);
      found.set(key, { name, tensor, source });
    }
  }
  return found;
}

function sameBits(a: SourceTensor, b: SourceTensor): boolean {
  if (a === b || a.sharesNumbers?.(b)) return true;
  const bits = (tensor: SourceTensor) => {
    const { buffer, byteOffset, length } = tensor.toFloat32();
    return new Uint32Array(buffer, byteOffset, length);
  };
  const [x, y] = [bits(a), bits(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return x.length === y.length;
}

/** Throws one error for all complaints, long lists cut. */
function report(complaints: Complaints): void {
  const shown = 8;
  const parts = Object.entries(complaints).filter(([, list]) => list.length > 0).map(([kind, list]) => {
    const rest = list.length > shown ? `, and ${list.length - shown} more` : "";
    return `${list.length} ${kind} (${list.slice(0, shown).join(", ")}${rest})`;
  });
  if (parts.length > 0) throw new WeightError(`Cannot bind weights: ${parts.join("; ")}`);
}
