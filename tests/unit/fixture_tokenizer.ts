/**
 * The small tokenizers among the committed goldens.
 *
 * @module
 */
import type { Tokenizer } from "../../core/tokenizer.ts";
import { ChatRenderer } from "../../data/chat/mod.ts";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { parseTokenizer, type TokenizerFiles } from "../../data/tokenizer.ts";

/** Generation of a tokenizer: MiniMind2-V's kind or minimind-3v's. */
export type Generation = "v2" | "v3";

/** The texts of a tokenizer's files. */
export function fixtureFiles(generation: Generation): TokenizerFiles {
  const read = (file: string) =>
    Deno.readTextFileSync(new URL(`../fixtures/goldens/tokenizer/${generation}/${file}`, import.meta.url));
  return { tokenizer: read("tokenizer.json"), config: read("tokenizer_config.json") };
}

const tokenizers = { v2: await parseTokenizer(fixtureFiles("v2")), v3: await parseTokenizer(fixtureFiles("v3")) };
const templates = {
  v2: await parseChatTemplate(fixtureFiles("v2").config),
  v3: await parseChatTemplate(fixtureFiles("v3").config),
};

/** A tokenizer. */
export function fixtureTokenizer(generation: Generation): Tokenizer {
  return tokenizers[generation];
}

/** A renderer in which an image takes 4 markers, `@` in v2 and `<|image_pad|>` in v3. */
export function fixtureRenderer(generation: Generation): ChatRenderer {
  const tokenizer = fixtureTokenizer(generation);
  const marker = tokenizer.encode(generation === "v2" ? "@" : "<|image_pad|>")[0]!;
  return new ChatRenderer({
    tokenizer,
    template: templates[generation],
    placeholder: { marker, tokens: 4 },
    labels: generation === "v2" ? "token" : "newline",
  });
}
