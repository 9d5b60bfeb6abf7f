/**
 * Writes a tokenizer as Hugging Face's files, which their libraries read as well as this one.
 *
 * @module
 */
import type { TokenizerFiles } from "./tokenizer_file.ts";
import type { TrainedBpe } from "./train_bpe.ts";

/** Tokens every tokenizer of the family has, in the order of their ids; the last one stands for a piece of an image. */
export const controlTokens: readonly string[] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>"];

/** A chat template with nothing but turns, in the form that both generations of MiniMind-V have them. */
export const turnsTemplate: string = "{%- for message in messages %}" +
  "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endfor %}" +
  "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}";

/** What the files say beside the vocabulary. */
export interface TokenizerTextsOptions {
  /**
   * Tokens that are matched before all others, by id from 0: {@link controlTokens}, which steer the model, and more that
   * are part of what is said, such as `<think>`.
   */
  readonly added: readonly string[];
  /** A Jinja program that prints conversations. Default {@link turnsTemplate}. */
  readonly chatTemplate?: string | undefined;
}

/** The texts of `tokenizer.json` and `tokenizer_config.json`. */
export function tokenizerTexts(
  { vocab, merges }: Pick<TrainedBpe, "vocab" | "merges">,
  { added, chatTemplate = turnsTemplate }: TokenizerTextsOptions,
): TokenizerFiles {
  const [pad, bos, eos] = controlTokens;
  const entry = (content: string) => {
    const special = controlTokens.includes(content);
    return { content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
  };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map((content, id) => ({ id, ...entry(content) })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
  const config = {
    add_bos_token: false,
    add_eos_token: false,
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(added.map((content, id) => [id, entry(content)])),
    bos_token: bos,
    eos_token: eos,
    pad_token: pad,
    unk_token: pad,
    clean_up_tokenization_spaces: false,
    tokenizer_class: "PreTrainedTokenizerFast",
    chat_template: chatTemplate,
  };
  return { tokenizer: JSON.stringify(tokenizer), config: JSON.stringify(config, undefined, 2) };
}
