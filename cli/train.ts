/**
 * `minimind train`: pretraining and SFT as upstream's `train_pretrain_vlm.py` and `train_sft_vlm.py` do them.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { trainFlags } from "./train/flags.ts";
import { runTraining } from "./train/run.ts";
import { readSettings } from "./train/settings.ts";

/** Trains a model. */
export const trainCommand: Command = {
  name: "train",
  summary: "Train projector and decoder on conversations with images",
  usage: "pretrain|sft",
  flags: trainFlags,
  examples: [
    "train sft --model random --data rows.jsonl --images ./images --out ./out --epochs 4",
    "train pretrain --model minimind-3v --init 'vision_proj.*' --data i2t.parquet --out ./out",
    "train sft --out ./out --data rows.jsonl --images ./images --from-resume 1",
  ],
  run: async (args) => {
    const { flags, positional } = parseFlags(args, trainFlags);
    return await runTraining(await readSettings(flags, positional));
  },
};
