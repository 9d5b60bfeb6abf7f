/**
 * `reference`: every kernel as plain loops, slow and exact. It has no options.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { noOptions } from "./option_fields.ts";

/** The backend that others are tested against. */
const plugin: Plugin<"backend", void> = {
  contract: 1,
  kind: "backend",
  name: "reference",
  summary: "plain loops that add up in f64: the oracle, not for speed",
  parseOptions: noOptions("reference"),
  async create() {
    const { createReferenceBackend } = await import("../backends/reference/mod.ts");
    return createReferenceBackend();
  },
};

export default plugin;
