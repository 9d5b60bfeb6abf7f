/**
 * The linear memory: how large it is from the start.
 *
 * @module
 */

/** Bytes of a page. */
export const PAGE = 64 * 1024;
/** wasm32 addresses 4 GiB. */
export const MAX_PAGES = 65_536;
/** One MiB. */
const FIRST_PAGES = 16;

/** A memory and the size that kernels are compiled for. */
export interface LinearMemory {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** Its pages where it is as large as it will ever be; absent where it grows. */
  readonly fixedPages: number | undefined;
}

/**
 * Creates a memory that grows, or under Deno, if it is shared, one of all that it could grow to.
 *
 * Deno's V8 checks the bounds of every access by itself, others leave it to the processor. Where a shared memory may grow,
 * it also loads the size before every check, which costs matrix products a tenth; a size that cannot change is a
 * constant. Pages that nobody has written to are addresses and no memory, and addresses are set aside in any case.
 */
export function createMemory(shared: boolean): LinearMemory {
  const fixed = shared && globalThis.navigator?.userAgent?.startsWith("Deno/") ? [1, 2, 4] : [];
  for (const part of fixed) {
    const pages = MAX_PAGES / part;
    try {
      return { memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared }), fixedPages: pages };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // this system does not promise memory that it does not have
    }
  }
  const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: MAX_PAGES, shared });
  return { memory, fixedPages: undefined };
}
