import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { StreamingDecoder } from "../../core/tokenizer.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";
import { fixtureFiles, fixtureTokenizer } from "./fixture_tokenizer.ts";

const files = fixtureFiles("v3");
const tokenizer = fixtureTokenizer("v3");

/** The tokenizer with some values of its `tokenizer.json` replaced; a path of keys, joined by dots. */
function withValues(values: Readonly<Record<string, unknown>>): string {
  const file = JSON.parse(files.tokenizer);
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split(".");
    const last = keys.pop()!;
    let place = file;
    for (const key of keys) place = place[key];
    place[last] = value;
  }
  return JSON.stringify(file);
}

Deno.test("encode() makes no added token of text with parseSpecial false, and loses nothing", () => {
  for (const { text, id } of tokenizer.addedTokens.values()) {
    assertEquals([...tokenizer.encode(text)], [id]);
    const ids = tokenizer.encode(`a${text}b`, { parseSpecial: false });
    assert(!ids.includes(id), text);
    assertEquals(tokenizer.decode(ids), `a${text}b`);
  }
});

Deno.test("encode() takes U+0085 for white space and U+FEFF for a sign, as Hugging Face's tokenizers do", () => {
  const pieces = (text: string) => [...tokenizer.encode(text)].map((id) => [...tokenizer.bytesOf(id)]);
  // The vocabulary joins a space and 0xC2. White space leaves its last character to itself before a word.
  assertEquals(pieces("a \u0085b"), [[0x61], [0x20], [0xc2], [0x85], [0x62]]);
  assertEquals(pieces("a \u00a7b"), [[0x61], [0x20, 0xc2, 0xa7], [0x62]]);
  // A sign takes the space before it and no space behind it, and two spaces are one word of the vocabulary.
  assertEquals(pieces("\ufeff  \ufeff"), [[0xef], [0xbb], [0xbf], [0x20], [0x20], [0xef], [0xbb], [0xbf]]);
});

Deno.test("encode() and decode() treat a lone surrogate as U+FFFD", () => {
  assertEquals(tokenizer.decode(tokenizer.encode("a\uD83Db")), "a\uFFFDb");
});

Deno.test("decode() and bytesOf() name an id that the vocabulary does not have", () => {
  for (const id of [-1, tokenizer.vocabulary, 1.5]) {
    assertThrows(() => tokenizer.decode([1, id]), RangeError, `Cannot decode id ${id}`);
    assertThrows(() => tokenizer.bytesOf(id), RangeError, `Cannot decode id ${id}`);
  }
  assertEquals(tokenizer.decode([]), "");
});

Deno.test("control holds the tokens that the config names, as a string or as an object", async () => {
  const { bos, eos, pad } = tokenizer.control;
  assertEquals([bos?.text, eos?.text, pad?.text], ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]);
  const config = JSON.stringify({ eos_token: "<|im_end|>", pad_token: null });
  assertEquals((await parseTokenizer({ ...files, config })).control, { bos: undefined, eos, pad: undefined });
});

Deno.test("StreamingDecoder gives whole characters only, and leaves special tokens out", () => {
  const decoder = new StreamingDecoder(tokenizer);
  const ids = tokenizer.encode("é😀<|im_end|>龘<think>");
  const pieces = [...ids].map((id) => decoder.push(id));
  assertEquals(pieces.filter((piece) => piece !== ""), ["é", "😀", "龘", "<think>"]);
  assertEquals(decoder.flush(), "");
});

Deno.test("StreamingDecoder.flush() shows a character that was cut off, and starts anew", () => {
  const decoder = new StreamingDecoder(tokenizer);
  const ids = tokenizer.encode("😀");
  assertEquals([...ids.subarray(0, -1)].map((id) => decoder.push(id)).join(""), "");
  assertEquals(decoder.flush(), "\uFFFD");
  assertEquals([...ids].map((id) => decoder.push(id)).join(""), "😀");
});

Deno.test("parseTokenizer() names file and key of whatever is wrong", async () => {
  const vocab = JSON.parse(files.tokenizer).model.vocab;
  const token = { id: 600, content: "<x>", special: true };
  const cases: [values: Record<string, unknown>, message: string][] = [
    [{ "model": null }, `Cannot read "model" of "tokenizer.json": it is not an object`],
    [{ "model.type": "Unigram" }, `Cannot read "model.type" of "tokenizer.json": "Unigram" is not "BPE"`],
    [{ "model.byte_fallback": true }, `Cannot read "model.byte_fallback" of "tokenizer.json": true is not supported`],
    [{ "normalizer": { type: "NFC" } }, `Cannot read "normalizer" of "tokenizer.json": none is supported`],
    [{ "pre_tokenizer.add_prefix_space": true }, `Cannot read "pre_tokenizer" of "tokenizer.json": only "ByteLevel"`],
    [{ "decoder": null }, `Cannot read "decoder" of "tokenizer.json": only "ByteLevel" is supported`],
    [{ "post_processor": { type: "TemplateProcessing" } }, `Cannot read "post_processor" of "tokenizer.json"`],
    [{ "model.vocab.a": 1e9 }, `Cannot read "model.vocab" of "tokenizer.json": id 1000000000 of "a" is not a whole`],
    [{ "model.vocab.a": vocab.b }, `"a" and "b" have the same id ${vocab.b}`],
    [{ "model.vocab.中": 700 }, `"中" is not written in the byte-level alphabet`],
    [{ "model.merges": [["a", "b", "c"]] }, `Cannot read "model.merges" of "tokenizer.json": element 0 is not a pair`],
    [{ "model.merges": ["a constructor"] }, `element 0 needs "constructor", which is not in the vocabulary`],
    [{ "added_tokens": [{ ...token, id: "0" }] }, `element 0 is not a token with id, content and special`],
    [{ "added_tokens": [{ ...token, rstrip: true }] }, `"rstrip" of "<x>" is not supported`],
    [{ "added_tokens": [token, token] }, `"<x>" with id 600 contradicts "<x>" with id 600`],
    [{ "added_tokens": [{ ...token, id: vocab.a }] }, `"<x>" with id ${vocab.a} contradicts "a" with id ${vocab.a}`],
    [{ "added_tokens": Array(20_000).fill(token) }, `there are 20000, the limit is 16384`],
  ];
  for (const [values, message] of cases) {
    await assertRejects(() => parseTokenizer({ ...files, tokenizer: withValues(values) }), ConfigError, message);
  }
  const { ["a"]: _, ...withoutA } = vocab;
  const lacking = withValues({ "model.vocab": withoutA, "model.merges": [] });
  await assertRejects(
    () => parseTokenizer({ ...files, tokenizer: lacking }),
    ConfigError,
    `it lacks byte 97, written "a"`,
  );
});

Deno.test("parseTokenizer() refuses what is no JSON object, and keys that come twice", async () => {
  const refuse = (tokenizer: string, message: string) =>
    assertRejects(() => parseTokenizer({ ...files, tokenizer }), ConfigError, message);
  await refuse("", `Cannot read "tokenizer.json": it is not JSON`);
  await refuse(files.tokenizer.slice(0, -20), `Cannot read "tokenizer.json": it is not JSON`);
  await refuse("[]", `Cannot read "tokenizer.json": it is not a JSON object`);
  await refuse(
    files.tokenizer.replace('"a":', '"b": 9,\n"a":'),
    `Cannot read "tokenizer.json": it has the key "b" twice`,
  );
  const config = (value: unknown) => ({ ...files, config: JSON.stringify(value) });
  await assertRejects(
    () => parseTokenizer({ ...files, config: "{" }),
    ConfigError,
    `Cannot read "tokenizer_config.json"`,
  );
  await assertRejects(
    () => parseTokenizer(config({ eos_token: "</s>" })),
    ConfigError,
    `Cannot read "eos_token" of "tokenizer_config.json": "</s>" is no added token`,
  );
  await assertRejects(
    () => parseTokenizer(config({ clean_up_tokenization_spaces: true })),
    ConfigError,
    `Cannot read "clean_up_tokenization_spaces" of "tokenizer_config.json": true is not supported`,
  );
});
