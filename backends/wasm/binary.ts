/**
 * The embedded kernels: which of the four builds this engine can run.
 *
 * @module
 */
/** A compiled build and what it uses. */
export interface KernelBuild {
  /** The compiled module. */
  readonly module: WebAssembly.Module;
  /** Whether multiply-add is fused (relaxed SIMD). */
  readonly relaxed: boolean;
  /** Whether it takes a shared memory, which threads need. */
  readonly shared: boolean;
}

/** Compiles the best build: shared memory and relaxed SIMD where the engine has them. */
export async function compileKernels(wanted: { shared: boolean; relaxed?: boolean | undefined }): Promise<KernelBuild> {
  // Most of the package's text, so it is only read when kernels are wanted.
  const { binaries } = await import("./kernels.generated.ts");
  const shared = wanted.shared && typeof SharedArrayBuffer !== "undefined";
  const best = decode(shared ? binaries.relaxedShared : binaries.relaxed);
  const relaxed = wanted.relaxed !== false && WebAssembly.validate(best);
  const bytes = relaxed ? best : decode(shared ? binaries.simdShared : binaries.simd);
  return { module: await WebAssembly.compile(bytes), relaxed, shared };
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
