/**
 * Golden cases of encoding: strings with their ids, the ids decoded, and decoded one by one.
 *
 * @module
 */
import { StreamingDecoder, type Tokenizer } from "../../core/tokenizer.ts";
import { type Check, verdictOf } from "./check.ts";
import { type Golden, readFile } from "./golden.ts";
import { type CaseKind, isObject } from "./kind.ts";
import { allSame, readTokenizer } from "./tokenizer_case.ts";

/** One string of a document. */
interface EncodedString {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decoded_skip_special: string;
}

/** One string whose ids are decoded as they arrive. */
interface Stream {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded_prefixes: readonly string[];
}

/** Strings and their ids. */
export const encodedStringsKind: CaseKind = {
  name: "encoded strings",
  recognises: (document) => Array.isArray(document["strings"]),
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const { document } = golden;
  yield* checkHashes(golden);
  const { tokenizer } = await readTokenizer(golden);
  const strings = document["strings"] as readonly EncodedString[];
  const each = (stage: string, outcome: (string: EncodedString) => { actual: unknown; expected: unknown }) =>
    allSame(stage, strings.map((string) => ({ name: JSON.stringify(string.text), ...outcome(string) })));
  yield each("ids", ({ text, ids }) => ({ actual: tokenizer.encode(text), expected: ids }));
  yield each("decoded", ({ ids, decoded }) => ({ actual: tokenizer.decode(ids), expected: decoded }));
  yield each("decoded_skip_special", ({ ids, decoded_skip_special: expected }) => {
    return { actual: tokenizer.decode(ids, { skipSpecialTokens: true }), expected };
  });
  yield each("plain", ({ text }) => {
    return { actual: tokenizer.decode(tokenizer.encode(text, { parseSpecial: false })), expected: text };
  });
  yield* checkStreams(tokenizer, (document["streaming_decode"] ?? []) as readonly Stream[]);
}

async function* checkHashes(golden: Golden): AsyncGenerator<Check> {
  const { document } = golden;
  const hashes = document["sha256"];
  if (!isObject(hashes)) return;
  for (const [file, expected] of Object.entries(hashes)) {
    const bytes = await readFile(golden, `${document["version"]}/${file}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const actual = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    yield verdictOf(`${file}.sha256`, actual === expected, actual === expected ? "hash equal" : `hash ${actual}`);
  }
}

/** Compares what is decoded after each id, and sees that nothing is given before it is a whole character. */
function* checkStreams(tokenizer: Tokenizer, streams: readonly Stream[]): Generator<Check> {
  if (streams.length === 0) return;
  const decode = (ids: readonly number[]) => {
    const decoder = new StreamingDecoder(tokenizer, { skipSpecialTokens: false });
    return { pieces: ids.map((id) => decoder.push(id)), rest: decoder.flush() };
  };
  yield allSame(
    "streaming.prefixes",
    streams.map(({ text, ids, decoded_prefixes: expected }) => {
      const decoded = ids.map((_, i) => decode(ids.slice(0, i + 1)));
      return { name: text, actual: decoded.map(({ pieces, rest }) => pieces.join("") + rest), expected };
    }),
  );
  yield allSame(
    "streaming.pieces",
    streams.map(({ text, ids }) => {
      const { pieces, rest } = decode(ids);
      const whole = pieces.every((piece) => text.includes(piece));
      return { name: text, actual: [pieces.join(""), rest, whole], expected: [text, "", true] };
    }),
  );
}
