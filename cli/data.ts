/**
 * `minimind data`: what is in a data set.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { inspect, inspectFlags } from "./data/inspect.ts";

/** `minimind data inspect FILE`. */
export const dataCommand: Command = {
  name: "data",
  summary: "Show the rows of a data set as a model learns them, and what is wrong with them",
  usage: "inspect FILE",
  flags: inspectFlags,
  examples: [
    "data inspect sft_i2t.parquet --model minimind-3v --tokens",
    "data inspect pretrain_data.jsonl --images pretrain_images --model minimind2-small-v",
    "data inspect llava.json --images images --check 0 --json",
  ],
  async run(args) {
    const [action, ...rest] = args;
    if (action === "inspect") return await inspect(rest);
    throw new TypeError(`Cannot run "data${action === undefined ? "" : ` ${action}`}": there is data inspect FILE`);
  },
};
