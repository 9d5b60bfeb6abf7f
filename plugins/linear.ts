/**
 * `linear`: MiniMind2-V's projector, one linear layer. It has no options: its sizes are those of its neighbours.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { createLinearProjector } from "../projectors/linear.ts";
import { noOptions } from "./option_fields.ts";

/** MiniMind2-V's projector. */
const plugin: Plugin<"projector", void> = {
  contract: 1,
  kind: "projector",
  name: "linear",
  summary: "one linear layer, as in MiniMind2-V",
  parseOptions: noOptions("linear"),
  // A projector's context says what the encoder gives and what the decoder takes.
  create: (_options, { input, width }) => createLinearProjector({ input, width }),
};

export default plugin;
