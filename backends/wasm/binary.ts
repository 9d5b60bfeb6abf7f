/**
 * The embedded kernels: which of the four builds this engine can run.
 *
 * @module
 */
import { decodeBase64 } from "../../core/base64.ts";
import { MAX_PAGES } from "./memory.ts";

/** A compiled build and what it uses. */
export interface KernelBuild {
  /** The compiled module. */
  readonly module: WebAssembly.Module;
  /** Whether multiply-add is fused (relaxed SIMD). */
  readonly relaxed: boolean;
}

/** What kernels are wanted for. */
export interface KernelTarget {
  /** Whether they run on a shared memory. */
  readonly shared: boolean;
  /** Pages of that memory if it never grows. */
  readonly fixedPages?: number | undefined;
  /** False keeps to plain SIMD. */
  readonly relaxed?: boolean | undefined;
}

/** Compiles the best build for a memory: with relaxed SIMD where the engine has it. */
export async function compileKernels({ shared, fixedPages, relaxed }: KernelTarget): Promise<KernelBuild> {
  // Most of the package's text, so it is only read when kernels are wanted.
  const { binaries } = await import("./kernels.generated.ts");
  const read = (base64: string) => shared ? declareSize(decodeBase64(base64), fixedPages) : decodeBase64(base64);
  const best = read(shared ? binaries.relaxedShared : binaries.relaxed);
  const fuses = relaxed !== false && WebAssembly.validate(best);
  const bytes = fuses ? best : read(shared ? binaries.simdShared : binaries.simd);
  return { module: await WebAssembly.compile(bytes), relaxed: fuses };
}

/** How the import of a shared memory ends: its name, "memory" as a kind, "shared, with a maximum"; then the two sizes. */
const memoryImport = [...new TextEncoder().encode("memory"), 2, 3];

/** Sets the least and the most pages of memory that kernels for a shared one accept. */
function declareSize(bytes: Uint8Array<ArrayBuffer>, fixedPages: number | undefined): Uint8Array<ArrayBuffer> {
  const at = bytes.findIndex((_, i) => memoryImport.every((byte, j) => bytes[i + j] === byte)) + memoryImport.length;
  bytes.set(threeBytes(fixedPages ?? 1), at);
  bytes.set(threeBytes(fixedPages ?? MAX_PAGES), at + 3);
  return bytes;
}

/** LEB128 of three bytes, as the built kernels have it. */
function threeBytes(value: number): number[] {
  return [value & 0x7f | 0x80, value >> 7 & 0x7f | 0x80, value >> 14];
}
