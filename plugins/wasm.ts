/**
 * `wasm`: SIMD kernels on the processor. Options: `threads` (the number of cores, at most 8, by default),
 * `relaxedSimd` (true where the engine has it) and `workerScript` (for pages whose policy forbids workers from `blob:`).
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { nodeThreads } from "./node_threads.ts";
import { OptionFields } from "./option_fields.ts";

/** Options of the `wasm` backend in a config. */
export interface WasmPluginOptions {
  /** Threads, the caller's included. Default: the number of cores, at most 8. */
  readonly threads?: number | undefined;
  /** False keeps to plain SIMD even where the engine fuses multiply-add, so that bits agree between machines. */
  readonly relaxedSimd?: boolean | undefined;
  /** URL of a script whose text is `workerSource`. Default: workers start from a `blob:` address. */
  readonly workerScript?: string | undefined;
}

/** The processor. */
const plugin: Plugin<"backend", WasmPluginOptions> = {
  contract: 1,
  kind: "backend",
  name: "wasm",
  summary: "SIMD kernels on the processor, on one thread or several",
  // Asked before anything is made: a listing can say why a part is out of reach here, and a config that names it fails
  // with that reason and not in the middle of a load.
  unsupported: () => typeof WebAssembly === "undefined" ? "there is no WebAssembly here" : undefined,
  parseOptions(input): WasmPluginOptions {
    const fields = new OptionFields(input, {
      what: "options of wasm",
      keys: ["threads", "relaxedSimd", "workerScript"],
    });
    return {
      threads: fields.has("threads") ? fields.integer("threads", 1) : undefined,
      relaxedSimd: fields.boolean("relaxedSimd", true),
      workerScript: fields.text("workerScript"),
    };
  },
  async create(options, { notice }) {
    // Imported here and not above: the kernels are embedded in a module, and a listing of plugins needs none of it.
    const { createWasmBackend } = await import("../backends/wasm/mod.ts");
    const node = await nodeThreads();
    return await createWasmBackend({
      ...options,
      threads: options.threads ?? (node && Math.min(8, node.cores)),
      createWorker: node?.createWorker,
      onNotice: notice,
    });
  },
};

export default plugin;
