/**
 * The peer in training and on WebGPU: jax-js, on its WASM backend with as many threads as there are cores.
 *
 * Its arrays are counted: a function takes over what it is given, and `.ref` keeps an array for one use more.
 *
 * @module
 */

/** Version measured. */
export const version = "0.1.25";

// Not a literal, so that checking the repository's types does not fetch the package.
const specifier: string = `npm:@jax-js/jax@${version}`;

/** An array, or a stand-in for one while a function is traced. */
export interface JaxArray {
  /** The array itself, with one use more. */
  readonly ref: JaxArray;
  /** Extents. */
  readonly shape: readonly number[];
  /** Element-wise sum, broadcast as in NumPy. */
  add(other: JaxArray | number): JaxArray;
  /** Element-wise difference. */
  sub(other: JaxArray | number): JaxArray;
  /** Element-wise product. */
  mul(other: JaxArray | number): JaxArray;
  /** Element-wise quotient. */
  div(other: JaxArray | number): JaxArray;
  /** Another shape. */
  reshape(shape: readonly number[]): JaxArray;
  /** Exchanges the last two dimensions. */
  transpose(): JaxArray;
  /** Sum over one dimension or all. */
  sum(axis?: number): JaxArray;
  /** Part of the array: one `[from, to]` a dimension, `[]` for the whole of it. */
  slice(...ranges: readonly (readonly number[])[]): JaxArray;
  /** Waits for the numbers. */
  data(): Promise<Float32Array>;
  /** Gives up one use. */
  dispose(): void;
}

/** Arrays by name. */
export type JaxArrays = { [name: string]: JaxArray };

/** What the benchmark uses of `jax.numpy`. */
export interface JaxNumpy {
  /** The type of ids. */
  readonly int32: unknown;
  /** Copies numbers. */
  array(data: Float32Array | Int32Array, options?: { shape?: readonly number[]; dtype?: unknown }): JaxArray;
  /** Zeros. */
  zeros(shape: readonly number[]): JaxArray;
  /** 0, 1, … */
  arange(stop: number): JaxArray;
  /** Rows of an array by index. */
  take(array: JaxArray, indices: JaxArray, axis: number): JaxArray;
  /** Matrix product. */
  matmul(a: JaxArray, b: JaxArray): JaxArray;
  /** Joins along a dimension. */
  concatenate(parts: readonly JaxArray[], axis: number): JaxArray;
  /** Whether elements are equal. */
  equal(a: JaxArray, b: JaxArray): JaxArray;
  /** One or the other, element by element. */
  where(condition: JaxArray, yes: JaxArray | number, no: JaxArray | number): JaxArray;
  /** The smaller. */
  minimum(a: JaxArray | number, b: JaxArray | number): JaxArray;
  /** Mean over a dimension. */
  mean(x: JaxArray, axis: number, options: { keepdims: boolean }): JaxArray;
  /** x². */
  square(x: JaxArray): JaxArray;
  /** 1/x. */
  reciprocal(x: JaxArray): JaxArray;
  /** √x. */
  sqrt(x: JaxArray): JaxArray;
}

/** What the benchmark uses of the library. */
export interface Jax {
  /** Array functions. */
  readonly numpy: JaxNumpy;
  /** Functions of neural networks. */
  readonly nn: {
    /** x · sigmoid(x). */
    silu(x: JaxArray): JaxArray;
    /** log Σ exp(x). */
    logsumexp(x: JaxArray, axis: number): JaxArray;
    /** Grouped-query attention: `[B,T,H,C]`, `[B,S,G,C]` twice. */
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray, options: { isCausal: boolean }): JaxArray;
  };
  /** Starts backends. */
  init(device: string): Promise<string[]>;
  /** Chooses the backend of new arrays. */
  defaultDevice(device: string): string;
  /** Records a function at its first call and replays it after. */
  jit<Arguments extends readonly unknown[], Result>(
    f: (...given: Arguments) => Result,
  ): (...given: Arguments) => Result;
  /** A function that gives its value and the gradient in its first argument. */
  valueAndGrad<Rest extends readonly unknown[]>(
    f: (parameters: JaxArrays, ...rest: Rest) => JaxArray,
  ): (parameters: JaxArrays, ...rest: Rest) => [JaxArray, JaxArrays];
  /** Waits for all arrays of a tree. */
  blockUntilReady(tree: unknown): Promise<unknown>;
}

/** Imports the library, the first time from the npm registry, and starts one of its backends, WASM by default. */
export async function importJax(device: "wasm" | "webgpu" = "wasm"): Promise<Jax> {
  const jax = await import(specifier) as Jax;
  await jax.init(device);
  jax.defaultDevice(device);
  return jax;
}
