/**
 * `minimind tokenizer`: learns a tokenizer.
 *
 * @module
 */
import { learnTokenizer, trainingTexts } from "../data/tokenizer.ts";
import { openRandomAccess } from "../sdk/random_access.ts";
import { shortName } from "../sdk/model_source.ts";
import type { Command } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { grouped } from "./format.ts";
import { writeFiles } from "./write_files.ts";

const flags = {
  out: { type: "string", value: "DIR", aliases: ["o"], summary: "The folder to write" },
  "vocab-size": { type: "number", value: "N", summary: "Tokens of the vocabulary (default 6400, as upstream's)" },
  "min-frequency": { type: "number", value: "N", summary: "How often a pair occurs to become a token (default 1)" },
  "add-token": { type: "list", value: "TEXT", summary: "A token matched before all others, such as '<think>'" },
  "chat-template": {
    type: "string",
    value: "FILE",
    summary: "A Jinja program that prints conversations (default the turns of both generations and nothing else)",
  },
  force: { type: "boolean", summary: "Replace files that are there" },
  json: { type: "boolean", summary: "Print JSON" },
} as const;

/** `minimind tokenizer train FILE…`. */
export const tokenizerCommand: Command = {
  name: "tokenizer",
  summary: "Train a tokenizer on conversations or texts",
  usage: "train FILE…",
  flags,
  examples: [
    "tokenizer train sft.jsonl --vocab-size 4000 --out my-tokenizer",
    "tokenizer train pretrain.parquet notes.txt --min-frequency 2 --out my-tokenizer",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags: given, positional: [action, ...paths] } = parseFlags(args, flags);
  const { out, "vocab-size": vocabularySize = 6400, "min-frequency": minFrequency, "chat-template": template } = given;
  if (action !== "train" || paths.length === 0) {
    throw new TypeError(`Cannot run "${["tokenizer", action].filter(Boolean).join(" ")}": tokenizer train needs files`);
  }
  if (out === undefined) {
    throw new TypeError("Cannot train a tokenizer without a folder to write to: name it with --out");
  }
  const learnt = await learnTokenizer(textsOf(paths), {
    vocabularySize,
    minFrequency,
    added: given["add-token"],
    chatTemplate: template === undefined ? undefined : await Deno.readTextFile(template),
  });
  const file = (name: string, text: string) => ({
    path: `${out.replace(/[\\/]$/, "")}/${name}`,
    chunks: () => [new TextEncoder().encode(text)],
  });
  await writeFiles(
    [file("tokenizer.json", learnt.tokenizer), file("tokenizer_config.json", learnt.config)],
    { force: given.force },
  );
  const { rows, bytes, tokens, vocabulary } = learnt;
  if (given.json) console.log(JSON.stringify({ out, rows, bytes, tokens, vocabulary }));
  else {
    console.log(`${grouped(rows)} rows, ${grouped(bytes)} bytes in ${grouped(tokens)} tokens`);
    const fewer = vocabulary < vocabularySize ? `, for no more pairs are frequent enough` : "";
    console.log(`${out}: a tokenizer of ${grouped(vocabulary)} tokens${fewer}`);
  }
  return 0;
}

async function* textsOf(paths: readonly string[]): ReturnType<typeof trainingTexts> {
  for (const path of paths) {
    await using file = await openRandomAccess(path);
    yield* trainingTexts(file, { name: shortName(path) });
  }
}
