import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createGenerator } from "../../core/generate.ts";
import { ConfigError } from "../../core/errors.ts";
import { ChatRenderer } from "../../data/chat/mod.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { apart, exchange } from "../../cli/eval/exchange.ts";
import { imageScore } from "../../cli/eval/image_score.ts";
import { scoreByLanguage } from "../../cli/eval/captions.ts";
import { rightAnswers, scoreQuestions } from "../../cli/eval/questions.ts";
import { type EvalRecord, readRecords } from "../../cli/eval/records.ts";
import { describeChat, evalFlags, readSettings } from "../../cli/eval/settings.ts";
import { parseFlags } from "../../cli/flags.ts";
import { imagePath } from "../e2e/tiny_model.ts";

function record(image: string, more: Partial<EvalRecord> = {}): EvalRecord {
  return { line: 1, image, prompt: "What?", references: ["Yes."], language: "en", ...more };
}

Deno.test("readRecords() reads lines, finds the language, and takes one answer for a list of references", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(
      path,
      [
        `{"image":"a.jpg","prompt":"Describe.","references":["A dog.","A cat."],"split":"val"}`,
        "",
        `{"image":"a.jpg","prompt":"有狗吗？","answer":"有。","group":"dog"}`,
        `{"image":"b.jpg","prompt":"名字？","references":["Rex"],"language":"zh"}`,
        "not read",
      ].join("\n"),
    );
    assertEquals(await readRecords(path, { limit: 3 }), [
      {
        line: 1,
        image: "a.jpg",
        prompt: "Describe.",
        references: ["A dog.", "A cat."],
        language: "en",
        group: undefined,
      },
      { line: 3, image: "a.jpg", prompt: "有狗吗？", references: ["有。"], language: "zh", group: "dog" },
      { line: 4, image: "b.jpg", prompt: "名字？", references: ["Rex"], language: "zh", group: undefined },
    ]);
    const wrong = async (line: string, problem: string) => {
      await Deno.writeTextFile(path, `\n${line}\n`);
      await assertRejects(() => readRecords(path), ConfigError, `Cannot read "${path}": line 2 ${problem}`);
    };
    await wrong("not read", "is not JSON");
    await wrong("[]", "is not a JSON object");
    await wrong(`{"prompt":"a","references":["b"]}`, `has no "image"`);
    await wrong(`{"image":"a","prompt":" ","references":["b"]}`, `has no "prompt"`);
    await wrong(`{"image":"a","prompt":"a","references":[]}`, `has no "references"`);
    await wrong(`{"image":"a","prompt":"a","references":"b"}`, `has no "references"`);
    await wrong(`{"image":"a","prompt":"a","answer":"b","language":"fr"}`, `has a "language" other than en, zh`);
    await wrong(`{"image":"a","prompt":"a","answer":"b","group":1}`, `has a "group" that is no text`);
    await Deno.writeTextFile(path, "\n\n");
    await assertRejects(() => readRecords(path), ConfigError, "it has no lines");
  } finally {
    await Deno.remove(path);
  }
  await assertRejects(() => readRecords(path), ConfigError, `Cannot read "${path}": there is no such file`);
});

Deno.test("exchange() gives each record one about another image, the same each time", () => {
  const records = Array.from({ length: 40 }, (_, i) => record(`${i % 13}.jpg`));
  const others = exchange(records);
  others.forEach((other, i) => assert(records[other]!.image !== records[i]!.image));
  assertEquals(exchange(records), others);
  assert(exchange(records, { seed: 7 }).join() !== others.join());
  const single = Array.from({ length: 30 }, (_, i) => record(`${i}.jpg`));
  assertEquals(exchange(single).toSorted((a, b) => a - b), single.map((_, i) => i)); // each caption goes somewhere else
  assertEquals(apart(records).toSorted((a, b) => a - b), records.map((_, i) => i));
  const uneven = [record("a"), record("a"), record("a"), record("b")];
  assertEquals(exchange(uneven).map((other) => uneven[other]!.image), ["b", "b", "b", "a"]);
  assertEquals(exchange([record("a"), record("a")]), [-1, -1]);
});

Deno.test("scoreByLanguage() scores each language by itself, on its own images and on exchanged ones", () => {
  const words = ["a dog runs", "two cats sleep", "one bird sings"];
  const records = [
    ...words.map((text, i) => record(`${i}`, { references: [`${text} here`], language: "en" })),
    ...["一只狗", "两只猫"].map((text, i) => record(`${i}`, { references: [text], language: "zh" })),
  ];
  const results = scoreByLanguage(records, [...words.map((text) => `${text} here`), "一只狗", "一只狗"]);
  assertEquals([...results.keys()], ["en", "zh"]);
  const [en, zh] = [results.get("en")!, results.get("zh")!];
  assertEquals([en.records, en.distinct, en.meanLength], [3, 3, 4]);
  assertEquals(en.scores.bleu.map(Math.round), [100, 100, 100, 100]);
  assertEquals(en.exchanged!.bleu.map(Math.round), [25, 0, 0, 0]); // "here" alone
  assertEquals(en.difference!.bleu.map(Math.round), [75, 100, 100, 100]);
  assertEquals([zh.records, zh.distinct, zh.meanLength], [2, 1, 3]);
  assertAlmostEquals(zh.scores.bleu[0], 100 * 4 / 6, 1e-9); // 一只狗 against itself, 只 against 两只猫
  assertAlmostEquals(zh.difference!.bleu[0], 0, 1e-9); // it says the same of both
  assertEquals(scoreByLanguage([record("a"), record("a")], ["x", "y"]).get("en")!.exchanged, undefined);
});

Deno.test("scoreQuestions() counts right answers against the more frequent one, by group and language", () => {
  const questions: [group: string, right: string, given: string][] = [
    ["dog", "Yes.", "Yes, a dog."],
    ["dog", "Yes.", "No."],
    ["dog", "No.", "no"],
    ["dog", "Yes.", "A dog."],
    ["child", "No.", "No."],
    ["child", "Yes.", "yes"],
  ];
  const records = questions.map(([group, right]) => record("a", { group, references: [right] }));
  const all = [...records, record("a", { references: ["没有。"], language: "zh" })];
  const right = rightAnswers(all, { file: "q.jsonl" });
  const results = scoreQuestions(all, { right, texts: [...questions.map(([, , given]) => given), "没有"] });
  const en = results.get("en")!;
  assertEquals(en.groups, {
    dog: { records: 4, accuracy: 50, majority: 75, difference: -25 },
    child: { records: 2, accuracy: 100, majority: 50, difference: 50 },
  });
  assertEquals(en.average, { accuracy: 75, majority: 62.5, difference: 12.5 });
  assertEquals(en.records, 6);
  assertAlmostEquals(en.accuracy, 100 * 4 / 6, 1e-9);
  assertAlmostEquals(en.majority, 100 * 4 / 6, 1e-9);
  assertAlmostEquals(en.yes, 100 * 2 / 6, 1e-9);
  assertAlmostEquals(en.neither, 100 / 6, 1e-9);
  const zh = results.get("zh")!;
  assertEquals([zh.accuracy, zh.majority, zh.groups, zh.average], [100, 100, {}, undefined]);
  const odd = (references: string[]) => () => rightAnswers([record("a", { line: 4, references })], { file: "q.jsonl" });
  assertThrows(odd(["A dog."]), ConfigError, `Cannot read "q.jsonl": the references of line 4 do not say yes or no`);
  assertThrows(odd(["Yes.", "No."]), ConfigError, "line 4");
});

Deno.test("readSettings() searches for captions, takes likeliest tokens for questions, and draws when asked", () => {
  const settings = (task: "captions" | "questions", ...args: string[]) =>
    readSettings(parseFlags(args, evalFlags).flags, { task, file: "data/val/eval.jsonl" });
  const captions = settings("captions");
  assertEquals(captions.chat, { lengthPenalty: 0.5, beams: 4, maxNewTokens: 64 });
  assertEquals([captions.images, captions.batch, captions.limit, captions.imageScore], ["data/val", 8, undefined, 500]);
  assertEquals(describeChat(captions), "beam search, 4 beams, length penalty 0.5, at most 64 tokens");
  const greedy = settings("captions", "--beam", "1", "-n", "20");
  assertEquals(greedy.chat, { temperature: 0, beams: 1, maxNewTokens: 20 });
  assertEquals(describeChat(greedy), "greedy, at most 20 tokens");
  assertEquals(settings("questions").chat, { temperature: 0, beams: 1, maxNewTokens: 8 });
  const drawn = settings("captions", "--temperature", "0.5", "--stop", ".");
  assertEquals(drawn.chat, { temperature: 0.5, stop: ["."], seed: 0, beams: 1, maxNewTokens: 64 });
  assertEquals(describeChat(drawn), "drawn at temperature 0.5, seed 0, at most 64 tokens");
  assertThrows(() => settings("captions", "--beam", "3", "--top-k", "5"), TypeError, "both --beam and --top-k");
  assertThrows(() => settings("captions", "--limit", "0"), TypeError, `Cannot read flag "--limit": 0 is not`);
  assertThrows(() => settings("captions", "--image-score", "-1"), TypeError, "-1 is no count");
});

Deno.test("imageScore() is the mean loss of the references, and how it rises beside other images, within 1e-4", async () => {
  await using model = await loadModel({ model: "random", backend: "reference" });
  const images = ["rgb_8.png", "grey.jpg", "plain.gif"];
  const bytes = new Map(
    await Promise.all(images.map(async (name) => [name, await Deno.readFile(imagePath(name))] as const)),
  );
  const answers = ["A dog.", "是", "Nothing at all"];
  const records = images.map((image, i) => record(image, { references: [answers[i]!, "not used"] }));
  const readImage = ({ image }: EvalRecord) => Promise.resolve(bytes.get(image)!);
  const options = { model, readImage, limit: 10, signal: new AbortController().signal };
  const score = (await imageScore(records, options))!;

  // By the probabilities of each token of an answer, one prompt after the other.
  const { backend, model: parts, weights, tokenizer, template } = model.parts;
  const renderer = new ChatRenderer({ tokenizer, template, placeholder: parts.placeholder });
  using generator = createGenerator(backend, parts, { weights, context: 256 });
  const loss = async ({ prompt, references }: EvalRecord, image: string) => {
    const content = [{ type: "image" }, { type: "text", text: prompt }] as const;
    const { ids, labels: [answer], images: [place] } = renderer.render([
      { role: "user", content },
      { role: "assistant", content: references[0]! },
    ]);
    const embeddings = await model.embedImage(bytes.get(image)!);
    let sum = 0;
    for (let i = answer!.start; i < answer!.start + answer!.length; i++) {
      const index = Int32Array.from({ length: i }, (_, t) => {
        return t >= place!.start && t < place!.start + place!.length ? t - place!.start : -1;
      });
      const prompt = { ids: ids.subarray(0, i), index, images: [embeddings] };
      for await (const _ of generator.generate({ ...prompt, sampling: { temperature: 1 }, maxNewTokens: 1 })) {
        sum -= Math.log((await generator.read("probabilities"))[ids[i]!]!);
      }
    }
    return { sum, count: answer!.length };
  };
  const mean = async (imageOf: (record: EvalRecord, i: number) => string) => {
    const losses = await Array.fromAsync(records, (record, i) => loss(record, imageOf(record, i)));
    return losses.reduce((all, { sum }) => all + sum, 0) / losses.reduce((all, { count }) => all + count, 0);
  };
  assertEquals(score.records, 3);
  assertAlmostEquals(score.loss, await mean(({ image }) => image), 1e-4);
  const order = apart(records).map((index) => records[index]!.image);
  const before = (image: string) => order.at(order.indexOf(image) - 1)!;
  assertAlmostEquals(score.exchanged, await mean(({ image }) => before(image)), 1e-4);
  assertAlmostEquals(score.rise, score.exchanged - score.loss, 1e-12);
  assert(Math.abs(score.rise) > 1e-3);

  // The same image under other names tells nothing; one image cannot be exchanged.
  const same = (await imageScore(records, { ...options, readImage: () => Promise.resolve(bytes.get("grey.jpg")!) }))!;
  assertEquals(same.rise, 0);
  assertEquals(await imageScore(records.slice(0, 1), options), undefined);
  assertEquals((await imageScore(records, { ...options, limit: 2 }))!.records, 2);
});
