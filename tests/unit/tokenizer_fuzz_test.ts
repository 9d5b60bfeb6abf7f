import { assert, assertEquals, assertGreater } from "@std/assert";
import { drawIntegers } from "../../cli/verify/number_generator.ts";
import { ConfigError, PlaceholderError } from "../../core/errors.ts";
import { type ChatMessage, ChatRenderer } from "../../data/chat/mod.ts";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { parseTokenizer, type TokenizerFiles } from "../../data/tokenizer.ts";
import { fixtureFiles } from "./fixture_tokenizer.ts";

const files = fixtureFiles("v3");

/** Values that do not belong where they are put. */
const junk = [null, true, -1, 1.5, 1e9, 2 ** 53, "", "x", "<|im_end|>", "__proto__", "\uE000", [], {}, [[]], {
  type: "BPE",
}];

const chat: readonly ChatMessage[] = [
  { role: "system", content: "s" },
  { role: "user", content: [{ type: "image" }, { type: "text", text: "what <|im_end|>" }] },
  { role: "assistant", content: "<think>a</think> b", tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }] },
  { role: "tool", content: "r" },
];

/** Draws integers below a limit, always the same for a seed. */
function dice(seed: number): (limit: number) => number {
  let offset = 0;
  return (limit) => drawIntegers({ seed, offset: offset++, count: 1 }, { low: 0, high: limit })[0]!;
}

/** Deletes, replaces or adds a few values of a JSON text. */
function mutateValues(text: string, roll: (limit: number) => number): string {
  const root: Record<string, unknown> = JSON.parse(text);
  const places: [Record<string, unknown>, string][] = [];
  const visit = (value: unknown, depth: number) => {
    if (typeof value !== "object" || value === null || depth > 3) return;
    const object = value as Record<string, unknown>;
    for (const key of Object.keys(object)) {
      places.push([object, key]);
      visit(object[key], depth + 1);
    }
  };
  visit(root, 0);
  const near = Object.keys(root).map((key): [Record<string, unknown>, string] => [root, key]);
  for (let i = 0; i <= roll(3); i++) {
    const [object, key] = roll(2) === 0 ? near[roll(near.length)]! : places[roll(places.length)]!;
    if (roll(3) === 0) delete object[key];
    else object[key] = junk[roll(junk.length)];
  }
  return JSON.stringify(root);
}

/** Cuts, drops, changes or doubles a few characters. */
function mutateCharacters(text: string, roll: (limit: number) => number): string {
  const at = roll(text.length);
  switch (roll(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + roll(20));
    case 2:
      return text.slice(0, at) + String.fromCharCode(32 + roll(96)) + text.slice(at + 1);
    default:
      return text.slice(0, at) + text.slice(at - roll(60));
  }
}

/** Files with one thing wrong, by turns in each of them. */
function mutate(seed: number): TokenizerFiles {
  const roll = dice(seed);
  const { tokenizer, config } = files;
  switch (seed % 5) {
    case 0:
      return { tokenizer: mutateValues(tokenizer, roll), config };
    case 1:
      return { tokenizer: mutateCharacters(tokenizer, roll), config };
    case 2:
      return { tokenizer, config: mutateValues(config, roll) };
    case 3:
      return { tokenizer, config: mutateCharacters(config, roll) };
    default: {
      const values = JSON.parse(config);
      return {
        tokenizer,
        config: JSON.stringify({ ...values, chat_template: mutateCharacters(values.chat_template, roll) }),
      };
    }
  }
}

Deno.test("500 mutated tokenizers and templates work or are refused by a clear error, within 10 s each", async () => {
  const ends = { worked: 0, refused: 0 };
  for (let seed = 1; seed <= 500; seed++) {
    const start = performance.now();
    const mutated = mutate(seed);
    try {
      const tokenizer = await parseTokenizer(mutated);
      const text = "Hello 你好 <|im_end|> @@";
      assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
      const format = {
        tokenizer,
        template: await parseChatTemplate(mutated.config),
        placeholder: { marker: 5, tokens: 4 },
      };
      const { ids } = new ChatRenderer(format).render(chat, { addGenerationPrompt: true, tools: [{ name: "f" }] });
      assert(ids.every((id) => id < tokenizer.vocabulary));
      ends.worked++;
    } catch (error) {
      // Tokens of 4 markers in a vocabulary without them, or an image that a mutated template does not print.
      const clear = error instanceof ConfigError || error instanceof PlaceholderError;
      if (!clear) throw new Error(`seed ${seed}`, { cause: error });
      assert(/^Cannot \S/.test(error.message), error.message);
      ends.refused++;
    }
    assert(performance.now() - start < 10_000, `seed ${seed}`);
  }
  assertGreater(ends.worked, 50);
  assertGreater(ends.refused, 100);
});
