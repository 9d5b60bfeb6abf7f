/**
 * `mlp`: minimind-3v's projector, LayerNorm and two linear layers. It has no options: its sizes are those of its
 * neighbours.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { createMlpProjector } from "../projectors/mlp.ts";
import { noOptions } from "./option_fields.ts";

/** minimind-3v's projector. */
const plugin: Plugin<"projector", void> = {
  contract: 1,
  kind: "projector",
  name: "mlp",
  summary: "LayerNorm, linear, GELU, linear, as in minimind-3v",
  parseOptions: noOptions("mlp"),
  create: (_options, { input, width }) => createMlpProjector({ input, width }),
};

export default plugin;
