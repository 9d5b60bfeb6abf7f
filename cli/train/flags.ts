/**
 * Flags of `minimind train`: upstream's names, and ours where upstream has none.
 *
 * @module
 */
import { hubFlags } from "../hub_flags.ts";
import { modelFlags } from "../model_flags.ts";
import { upstreamFlags } from "./upstream.ts";

const { encoder, projector, decoder, weights, tokenizer } = modelFlags;

const number = (summary: string) => ({ type: "number", value: "N", summary }) as const;

/** Flags of the command, for `parseFlags`. */
export const trainFlags = {
  config: { type: "string", value: "FILE", summary: "JSON file with any of these flags by name; flags go before it" },
  data: { type: "string", value: "FILE", aliases: ["data-path"], summary: "Conversations: jsonl, json or parquet" },
  images: {
    type: "string",
    value: "DIR",
    aliases: ["images-path", "image-dir"],
    summary: "Folder of the images that rows name",
  },
  model: {
    type: "string",
    value: "MODEL",
    aliases: ["m", "load-from"],
    summary: "A released model, a folder, a checkpoint, a config file of parts, or random (default)",
  },
  ...{ encoder, projector, decoder, weights, tokenizer },
  out: {
    type: "string",
    value: "DIR",
    summary: "Where model, checkpoints, metrics and report go; also --save-dir",
  },
  backend: { type: "string", value: "NAME", summary: "wasm (default), webgpu, auto or reference" },
  threads: number("Threads (default all cores, at most 8)"),
  epochs: number("Times through the data (default 2)"),
  "batch-size": number("Rows of a batch (default 16 in pretraining, 4 in SFT)"),
  "learning-rate": number("Peak learning rate (default 4e-4 in pretraining, 5e-6 in SFT, 1e-4 with --lora)"),
  ema: number("Decay of a moving average of the weights that is tested and saved in their place, for instance 0.999"),
  "lr-group": {
    type: "list",
    value: "PATTERN=RATE",
    summary: 'Parameters with a peak learning rate of their own, for instance "vision_proj.*=1e-3"; the first holds',
  },
  "warmup-steps": {
    ...number("Batches over which the learning rate rises (default 0)"),
    aliases: ["warmup-iters"],
  },
  "accumulation-steps": number("Batches of an update (default 1)"),
  "accumulation-tail": {
    type: "string",
    value: "flush|carry",
    summary: "Batches left at an epoch's end: an update of their own, or into the next epoch (default as upstream)",
  },
  "grad-clip": number("Largest global norm of the gradients (default 1)"),
  recompute: { type: "boolean", summary: "Computes activations again instead of keeping them: less memory, more time" },
  "weight-decay": number("AdamW's decoupled weight decay (default 0.01)"),
  "decay-group": {
    type: "list",
    value: "PATTERN=DECAY",
    summary: 'Parameters with a weight decay of their own, for instance "*norm.weight=0"; the first holds',
  },
  "max-seq-len": number("Tokens of a row (default 450 in pretraining, 768 in SFT)"),
  pack: {
    type: "boolean",
    summary: "Packs rows into one: those about the same images share their beginning, others lie side by side",
  },
  flip: {
    type: "boolean",
    summary: "Mirrors every other image by chance, anew in each epoch; for an encoder that learns",
  },
  "token-dropout": number(
    "Share of an answer's tokens that the decoder predicts without having seen those before, for instance 0.1 (default 0)",
  ),
  "image-memory": number("MiB of prepared images kept in memory (default 256)"),
  "max-images": number("Images of a row at most (default as many as a row has)"),
  "freeze-llm": number(
    "0 trains all of the decoder, 1 its first and last block, 2 none of it; MiniMind2-V: 1 none (default by stage)",
  ),
  freeze: {
    type: "list",
    value: "POLICY",
    summary: 'What is trained: a policy, patterns such as "vision_model.*", or several of both',
  },
  lora: {
    type: "boolean",
    summary: "Trains a LoRA adapter beside the model, which stays as it is; OUT gets the adapter",
  },
  "lora-rank": number("Rows of the adapter's A (default 16)"),
  "lora-alpha": number("The adapter's change is scaled by alpha / rank (default the rank)"),
  "lora-layers": {
    type: "list",
    value: "PATTERN",
    summary: 'Layers to adapt, "square" for upstream\'s choice (default "model.layers.*_proj")',
  },
  "lora-name": { type: "string", value: "NAME", summary: "Start of the adapter's file name (default lora_vlm)" },
  "lora-weight": {
    type: "string",
    value: "FILE",
    summary: "An adapter to go on from, with its rank, alpha and layers",
  },
  init: { type: "list", value: "PATTERN", summary: 'Parameters to start from nothing, for instance "vision_proj.*"' },
  "allow-missing": { type: "list", value: "PATTERN", summary: "Parameters that the model's files may lack" },
  seed: number("Seed of order and draws; each epoch adds its number (default 42)"),
  "val-split": number("Share of the rows kept for validation (default 0)"),
  "val-data": {
    type: "string",
    value: "FILE",
    summary: "Conversations to validate on, instead of a share of the rows",
  },
  "val-interval": number("Batches between validations (default one after each epoch)"),
  "on-bad-row": {
    type: "string",
    value: "error|skip",
    summary: "What a row that cannot be learnt does (default error)",
  },
  "log-interval": number("Batches between lines (default 100; on a terminal the line is always fresh)"),
  "save-interval": number("Batches between checkpoints (default 1000)"),
  "sample-interval": number("Batches between answers to fixed prompts (default one after each epoch)"),
  samples: number("How many fixed prompts (default 4; 0 for none)"),
  "from-resume": { type: "string", value: "0|1|previous", summary: "1 goes on from the last checkpoint (default 0)" },
  resume: { type: "string", value: "last|previous", summary: "The same, by name" },
  overwrite: { type: "boolean", summary: "Starts over where there is a run already" },
  "feature-cache": {
    type: "string",
    value: "DIR",
    summary: "Where features of images are kept, see data encode (default features in OUT or --save-dir)",
  },
  ...upstreamFlags,
  ...hubFlags,
} as const;
