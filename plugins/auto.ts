/**
 * `auto`: `webgpu` where it computes right and is faster, else `wasm`. It has wasm's options.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import type { ChoiceOptions } from "./backend_choice.ts";
import wasm from "./wasm.ts";

/** The faster of those that work. */
const plugin: Plugin<"backend", ChoiceOptions> = {
  contract: 1,
  kind: "backend",
  name: "auto",
  summary: "webgpu where a graphics processor is faster, else wasm: measured once and remembered",
  parseOptions: wasm.parseOptions,
  async create(options, context) {
    const { chooseBackend } = await import("./backend_choice.ts");
    const { backend, reason, from } = await chooseBackend(options, context);
    context.notice(`${backend.name}: ${reason}${from === "remembered" ? ", as measured before" : ""}`);
    return backend;
  },
};

export default plugin;
