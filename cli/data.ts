/**
 * `minimind data`: what is in a data set, and features of its images.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { encode, encodeFlags } from "./data/encode.ts";
import { inspect, inspectFlags } from "./data/inspect.ts";

/** `minimind data inspect FILE`, `minimind data encode FILE`. */
export const dataCommand: Command = {
  name: "data",
  summary: "Show the rows of a data set as a model learns them, or encode its images once for all runs",
  usage: "inspect|encode FILE",
  flags: { ...encodeFlags, ...inspectFlags },
  examples: [
    "data inspect sft_i2t.parquet --model minimind-3v --tokens",
    "data inspect pretrain_data.jsonl --images pretrain_images --model minimind2-small-v",
    "data inspect llava.json --images images --check 0 --json",
    "data encode sft_i2t.parquet --model minimind-3v --feature-cache features",
  ],
  async run(args) {
    const [action, ...rest] = args;
    if (action === "inspect") return await inspect(rest);
    if (action === "encode") return await encode(rest);
    const given = action === undefined ? "data" : `data ${action}`;
    throw new TypeError(`Cannot run "${given}": there are data inspect FILE and data encode FILE`);
  },
};
