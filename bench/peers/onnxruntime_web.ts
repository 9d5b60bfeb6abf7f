/**
 * The peer: onnxruntime-web on its WASM backend, one thread (its worker threads do not start in Deno).
 *
 * @module
 */

/** Version measured. */
export const version = "1.30.0";

// Not a literal, so that checking the repository's types does not fetch a package of this size.
const specifier: string = `npm:onnxruntime-web@${version}`;

/** A tensor of the runtime. */
export interface OrtTensor {
  /** Elements in C order. */
  readonly data: Float32Array | BigInt64Array;
  /** Extents. */
  readonly dims: readonly number[];
}

/** A loaded model. */
export interface OrtSession {
  /** Runs the model; every output comes back by name. */
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>>;
  /** Frees the model. */
  release(): Promise<void>;
}

/** What the benchmark uses of the runtime. */
export interface Ort {
  /** Global settings. */
  readonly env: { readonly wasm: { numThreads?: number; simd?: boolean } };
  /** Makes a tensor. */
  readonly Tensor: new (type: "float32" | "int64", data: OrtTensor["data"], dims: readonly number[]) => OrtTensor;
  /** Makes sessions. */
  readonly InferenceSession: {
    /** Loads a model from its file's bytes. */
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<OrtSession>;
  };
}

/** Imports the runtime, the first time from the npm registry. */
export async function importOrt(): Promise<Ort> {
  const ort = await import(specifier) as Ort;
  ort.env.wasm.numThreads = 1;
  return ort;
}

/** Loads a model with all of the runtime's own optimisations. */
export async function createSession(ort: Ort, model: Uint8Array): Promise<OrtSession> {
  const { Worker } = globalThis;
  try {
    return await ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  } finally {
    globalThis.Worker = Worker; // the runtime takes Deno for Node and puts Node's in its place
  }
}

/** An f32 tensor. */
export function floats(ort: Ort, data: Float32Array, dims: readonly number[]): OrtTensor {
  return new ort.Tensor("float32", data, dims);
}

/** An i64 tensor. */
export function integers(ort: Ort, data: Iterable<number>, dims: readonly number[]): OrtTensor {
  return new ort.Tensor("int64", BigInt64Array.from([...data].map(BigInt)), dims);
}
