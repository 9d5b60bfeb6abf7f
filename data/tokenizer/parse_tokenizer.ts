/**
 * From the texts of a tokenizer's files to the tokenizer.
 *
 * @module
 */
import type { Tokenizer } from "../../core/tokenizer.ts";
import { createByteLevelBpe } from "./byte_level_bpe.ts";
import { parseControlTokens, parseTokenizerFile, type TokenizerFiles } from "./tokenizer_file.ts";

/**
 * Makes a tokenizer from the texts of its files. Everything in them is checked first: a file with anything that
 * would change ids and is not byte-level BPE is refused.
 *
 * @throws {ConfigError} naming file and key
 */
export async function parseTokenizer({ tokenizer, config }: TokenizerFiles): Promise<Tokenizer> {
  const spec = parseTokenizerFile(tokenizer);
  return await createByteLevelBpe(spec, parseControlTokens(config, spec.added));
}
