/**
 * Every command by name, each loaded only when it is asked for.
 *
 * @module
 */
import type { Command } from "./command.ts";

/** Loaders of the commands, in the order help lists them. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  chat: async () => (await import("./chat.ts")).chatCommand,
  caption: async () => (await import("./caption.ts")).captionCommand,
  eval: async () => (await import("./eval.ts")).evalCommand,
  serve: async () => (await import("./serve.ts")).serveCommand,
  inspect: async () => (await import("./inspect.ts")).inspectCommand,
  plan: async () => (await import("./plan.ts")).planCommand,
  bench: async () => (await import("./bench.ts")).benchCommand,
  convert: async () => (await import("./convert.ts")).convertCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  train: async () => (await import("./train.ts")).trainCommand,
  data: async () => (await import("./data.ts")).dataCommand,
  tokenizer: async () => (await import("./tokenizer.ts")).tokenizerCommand,
  cache: async () => (await import("./cache.ts")).cacheCommand,
};

/** Other names of commands. */
export const otherNames: Readonly<Record<string, string>> = { export: "convert" };
