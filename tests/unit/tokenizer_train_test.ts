import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { ChatRenderer } from "../../data/chat/mod.ts";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { bytesAccess, DatasetError } from "../../data/datasets/mod.ts";
import { learnTokenizer, parseTokenizer, trainingTexts } from "../../data/tokenizer.ts";
import { trainBpe } from "../../data/tokenizer/train_bpe.ts";
import { WordCounts } from "../../data/tokenizer/word_counts.ts";
import { fixtureFiles, type Generation } from "./fixture_tokenizer.ts";

/** The texts that the fixtures' tokenizers were trained on: every line, and all of them as one. */
function corpus(): string[] {
  const text = Deno.readTextFileSync(new URL("../fixtures/goldens/tokenizer/corpus.txt", import.meta.url));
  return [...text.split(/(?<=\n)/), text];
}

function plain(texts: readonly string[]): { texts: string[]; conversation: boolean }[] {
  return texts.map((text) => ({ texts: [text], conversation: false }));
}

for (const generation of ["v2", "v3"] satisfies Generation[]) {
  Deno.test(`trainBpe() learns the merges and ids that Hugging Face's trainer did, ${generation}`, () => {
    const file = JSON.parse(fixtureFiles(generation).tokenizer);
    const words = new WordCounts();
    for (const text of corpus()) words.add(text);
    const added = file.added_tokens.map(({ content }: { content: string }) => content);
    const { vocab, merges } = trainBpe(words.words(), { vocabularySize: Object.keys(file.model.vocab).length, added });
    assertEquals(merges, file.model.merges);
    assertEquals(Object.fromEntries(vocab), file.model.vocab);
  });
}

/** The definition, without anything that makes it fast: every pair is counted anew before each merge. */
function slowMerges(words: readonly (readonly [string, number])[], count: number): [string, string][] {
  const ids = new Map([...trainBpe([], { vocabularySize: 256 }).vocab]);
  const split = words.map(([word, times]) => ({ tokens: [...word], times }));
  const merges: [string, string][] = [];
  while (merges.length < count) {
    const counts = new Map<string, number>();
    for (const { tokens, times } of split) {
      for (let i = 0; i + 1 < tokens.length; i++) {
        const pair = `${tokens[i]} ${tokens[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + times);
      }
    }
    const order = (pair: string) => pair.split(" ").map((text) => ids.get(text)!) as [number, number];
    const [best] = [...counts.keys()].sort((a, b) => {
      const [x, y] = [order(a), order(b)];
      return counts.get(b)! - counts.get(a)! || x[0] - y[0] || x[1] - y[1];
    });
    if (best === undefined) break;
    const [left, right] = best.split(" ") as [string, string];
    merges.push([left, right]);
    if (!ids.has(left + right)) ids.set(left + right, ids.size);
    for (const word of split) {
      const merged: string[] = [];
      for (let i = 0; i < word.tokens.length; i++) {
        const joins = word.tokens[i] === left && word.tokens[i + 1] === right;
        merged.push(joins ? left + right : word.tokens[i]!);
        if (joins) i++;
      }
      word.tokens = merged;
    }
  }
  return merges;
}

Deno.test("trainBpe() learns what counting anew before each merge does, on words of repeated letters", () => {
  for (let seed = 1; seed <= 30; seed++) {
    let state = seed;
    const roll = (limit: number) => (state = state * 1103515245 + 12345 & 0x7fffffff) % 97 % limit;
    const words = Array.from({ length: 40 }, () => {
      const word = Array.from({ length: 1 + roll(9) }, () => "abc"[roll(3)]).join("");
      return [word, 1 + roll(4)] as const;
    });
    const unique = [...new Map(words)];
    const { merges, vocab, tokens } = trainBpe(unique, { vocabularySize: 256 + 25 });
    assertEquals(merges.slice(0, 25), slowMerges(unique, merges.length).slice(0, 25), `seed ${seed}`);
    assert(vocab.size <= 281 && tokens >= unique.reduce((sum, [, count]) => sum + count, 0));
  }
});

Deno.test("trainBpe() stops at a frequency, makes no added token of text, and refuses what has no room", () => {
  const words = [["ab", 3], ["cd", 2], ["ef", 1]] as const;
  const few = trainBpe(words, { vocabularySize: 300, minFrequency: 2 });
  assertEquals(few.merges, [["a", "b"], ["c", "d"]]);
  assertEquals([few.vocab.size, few.tokens], [258, 3 + 2 + 2]);
  const all = trainBpe(words, { vocabularySize: 300, added: ["ab"] });
  assertEquals(all.merges, [["c", "d"], ["e", "f"]]);
  assertThrows(() => trainBpe(words, { vocabularySize: 256, added: ["<x>"] }), RangeError, "257 are bytes and added");
  assertThrows(() => trainBpe(words, { vocabularySize: 300, added: ["<x>", "<x>"] }), RangeError, '"<x>"');
});

Deno.test("learnTokenizer() gives files whose tokenizer returns every text as it was, and renders chats", async () => {
  const rows = [
    ...plain(corpus()),
    { texts: ["What is this?", "A dog"], conversation: true },
    { texts: ["这是什么？", "一只狗"], conversation: true },
  ];
  const learnt = await learnTokenizer(rows, { vocabularySize: 500, added: ["<think>"] });
  assertEquals([learnt.rows, learnt.vocabulary], [rows.length, 500]);
  assertEquals(await learnTokenizer(rows, { vocabularySize: 500, added: ["<think>"] }), learnt);
  const tokenizer = await parseTokenizer(learnt);
  assertEquals(tokenizer.vocabulary, 500);
  let tokens = 0;
  for (const text of [...corpus(), "Ünïcödé 😀 \u0000\ufeff 한국어 \r\n\t  x", "<|im_end|><think>"]) {
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  }
  for (const { texts } of rows) {
    for (const text of texts) tokens += tokenizer.encode(text, { parseSpecial: false }).length;
  }
  // "user", "assistant" and three newlines of each conversation are counted along.
  const frame = ["user", "\n", "\n", "assistant", "\n", "\n"].map((word) => tokenizer.encode(word).length);
  assertEquals(tokens + 2 * frame.reduce((a, b) => a + b), learnt.tokens);
  const { control, addedTokens } = tokenizer;
  assertEquals([control.pad?.id, control.bos?.id, control.eos?.id], [0, 1, 2]);
  assertEquals(addedTokens.get("<|image_pad|>"), { id: 3, text: "<|image_pad|>", special: true });
  assertEquals(addedTokens.get("<think>"), { id: 4, text: "<think>", special: false });
  const renderer = new ChatRenderer({
    tokenizer,
    template: await parseChatTemplate(learnt.config),
    placeholder: { marker: 3, tokens: 2 },
  });
  const chat = renderer.render([{ role: "user", content: [{ type: "image" }, { type: "text", text: "dog?" }] }], {
    addGenerationPrompt: true,
    imageSeparator: "",
  });
  const pads = "<|image_pad|>".repeat(2);
  assertEquals(chat.text, `<|im_start|>user\n${pads}dog?<|im_end|>\n<|im_start|>assistant\n`);
  assertEquals(chat.images, [{ start: 3, length: 2 }]);
});

Deno.test("learnTokenizer() learns the words of a chat template along, and refuses one that is no Jinja", async () => {
  const rows = Array.from({ length: 50 }, () => ({ texts: ["a", "b"], conversation: true }));
  const options = {
    vocabularySize: 300,
    chatTemplate: "{% for m in messages %}{{ 'Speaker' + m.content }}{% endfor %}",
  };
  const tokenizer = await parseTokenizer(await learnTokenizer(rows, options));
  assertEquals(tokenizer.encode("Speaker").length, 1);
  const refused = () => learnTokenizer(rows, { vocabularySize: 300, chatTemplate: "{% for %}" });
  await assertRejects(refused, ConfigError, "Cannot read the chat template");
});

Deno.test("trainingTexts() reads lines, rows of text, conversations and lists, and names a row that is none", async () => {
  const read = async (name: string, text: string) => {
    return await Array.fromAsync(trainingTexts(bytesAccess(new TextEncoder().encode(text)), { name }));
  };
  const [question, answer] = [{ role: "user", content: "<image>what?" }, { role: "assistant", content: "狗" }];
  const said = { texts: ["what?", "狗"], conversation: true };
  assertEquals(await read("a.txt", "{one}\r\n\ntwo  \n三"), plain(["{one}", "two", "三"]));
  assertEquals(await read("a.jsonl", `{"text":"x"}\n${JSON.stringify({ conversations: [question, answer] })}\n`), [
    ...plain(["x"]),
    said,
  ]);
  assertEquals(await read("a.json", JSON.stringify([{ messages: [question, answer] }])), [said]);
  await assertRejects(() => read("a.jsonl", `{"text":"x"}\n{"x":1}`), DatasetError, 'Cannot read row 1 of "a.jsonl"');
  const long = "x".repeat(700_000);
  assertEquals(await read("a.txt", `${long}\n${long}\n${long}`), plain([long, long, long]));
});
