import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { captionWords, scoreCaptions } from "../../data/metrics/mod.ts";
import { minimind } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";

/** Images, and files of captions and questions about them. */
async function fill(path: string): Promise<void> {
  await Deno.mkdir(`${path}/data/photos`, { recursive: true });
  const images = ["rgb_8.png", "grey.jpg", "plain.gif", "lossy.webp"];
  for (const [i, name] of images.entries()) {
    await Deno.copyFile(imagePath(name), `${path}/data/photos/${i}.${name.split(".")[1]}`);
  }
  const lines = images.flatMap((name, i) => {
    const image = `photos/${i}.${name.split(".")[1]}`;
    return [
      { image, prompt: "Describe.", references: [`picture ${i} of four`, "a b c d e f"] },
      { image, prompt: "描述", references: [`第${i}张图`] },
    ];
  });
  const questions = images.map((name, i) => ({
    image: `photos/${i}.${name.split(".")[1]}`,
    prompt: "A dog?",
    answer: i % 2 ? "Yes." : "No.",
    group: i < 2 ? "dog" : "cat",
  }));
  const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await Deno.writeTextFile(`${path}/data/captions.jsonl`, jsonl(lines));
  await Deno.writeTextFile(`${path}/data/questions.jsonl`, jsonl(questions));
}

Deno.test("minimind eval captions scores what the model says, by language, beside its images and other ones", async () => {
  await using folder = await TinyFolder.create();
  const { path, model } = folder;
  await fill(path);
  const [out, json] = [`${path}/answers.jsonl`, `${path}/result.json`];
  const args = ["eval", "captions", `${path}/data/captions.jsonl`, model, "-n", "12"];
  const allow = [`allow-read=${path}`, `allow-write=${path}`];
  const { code, stdout, stderr } = await minimind([...args, "--output", out, "--json", json], { allow });
  assertEquals([code, stderr.split("\n").slice(1)], [0, [
    `8 lines of ${path}/data/captions.jsonl: beam search, 4 beams, length penalty 0.5, at most 12 tokens`,
    "measuring losses beside exchanged images (en)",
    "measuring losses beside exchanged images (zh)",
    "",
  ]]);
  assertMatch(
    stdout,
    /^en: 4 captions, \d different ones, [\d.]+ words each\n +BLEU-1 .*\nown images .*\nexchanged .*\n/,
  );
  assertMatch(stdout, /^zh: 4 captions, \d different ones, [\d.]+ characters each$/m);
  assertMatch(stdout, /^en: loss [\d.]+, with exchanged images [\d.]+, a rise of -?[\d.]+ over 4 answers$/m);
  assertMatch(stdout, /\n\n[\d.]+ s: [\d.]+ images\/s, [\d.]+ answers\/s, [\d.]+ tokens\/s\n$/);

  const answers = (await Deno.readTextFile(out)).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(answers.map(({ image }) => image).slice(0, 3), ["photos/0.png", "photos/0.png", "photos/1.jpg"]);
  const result = JSON.parse(await Deno.readTextFile(json));
  assertEquals(
    [result.task, result.model, result.records, result.images, result.decoding],
    ["captions", "tiny", 8, 4, { lengthPenalty: 0.5, beams: 4, maxNewTokens: 12 }],
  );
  for (const language of ["en", "zh"] as const) {
    const own = answers.filter((answer) => answer.language === language);
    const expected = scoreCaptions(own.map(({ text, references }) => ({
      candidate: captionWords(text, language),
      references: references.map((reference: string) => captionWords(reference, language)),
    })));
    const { scores, exchanged, difference, imageScore } = result.languages[language];
    assertEquals(scores, JSON.parse(JSON.stringify(expected)));
    assertAlmostEquals(difference.rougeL, scores.rougeL - exchanged.rougeL, 1e-9);
    assertAlmostEquals(imageScore.exchanged - imageScore.loss, imageScore.rise, 1e-9);
    assert(imageScore.rise !== 0);
  }

  // What a chat says, alone and at once with others.
  const chat = ["chat", model, "--image", `${path}/data/photos/1.jpg`, "-p", "Describe.", "-n", "12", "-q", "--json"];
  const alone = JSON.parse((await minimind([...chat, "--beam", "3"])).stdout);
  assertEquals(answers[2].text, alone.text);
  const small = await minimind([...args, "-b", "1", "--image-score", "0", "-q", "--json", "-"]);
  const again = JSON.parse(small.stdout);
  assertEquals([small.stderr, again.languages.en.scores], ["", result.languages.en.scores]);
  assertEquals("imageScore" in again.languages.en, false);
});

Deno.test("minimind eval captions --beam 1 is greedy, and takes images from the folder it is told", async () => {
  await using folder = await TinyFolder.create();
  const { path, model } = folder;
  await fill(path);
  await Deno.rename(`${path}/data/photos`, `${path}/photos`);
  const file = `${path}/data/captions.jsonl`;
  const fixed = ["-n", "9", "--limit", "3", "--image-score", "0", "-q", "--output", `${path}/out.jsonl`];
  const args = ["eval", "captions", file, model, "--beam", "1", "--images", path, ...fixed];
  const { code, stderr } = await minimind(args, { allow: ["allow-read", "allow-write"] });
  assertEquals([code, stderr], [0, ""]);
  const lines = (await Deno.readTextFile(`${path}/out.jsonl`)).trimEnd().split("\n");
  const texts = lines.map((line) => JSON.parse(line).text);
  assertEquals(texts.length, 3);
  const chat = ["chat", model, "--image", `${path}/photos/1.jpg`, "-p", "Describe.", "-n", "9", "-q", "--json"];
  assertEquals(texts[2], JSON.parse((await minimind([...chat, "--temp", "0"])).stdout).text);

  const missing = await minimind(["eval", "captions", file, model, "-q"]);
  assertEquals(missing.code, 1);
  assertMatch(
    missing.stderr,
    /^minimind: Cannot read line 1 of ".*captions\.jsonl": its image "photos\/0\.png": .*\n$/,
  );
});

Deno.test("minimind eval questions counts yes and no by group, and refuses what is neither", async () => {
  await using folder = await TinyFolder.create();
  const { path, model } = folder;
  await fill(path);
  const file = `${path}/data/questions.jsonl`;
  const { code, stdout, stderr } = await minimind(["eval", "questions", file, model]);
  assertEquals(code, 0);
  assertMatch(stderr, /: greedy, at most 8 tokens$/m);
  assertMatch(
    stdout,
    /^en: 0\.0 % answered yes, 100\.0 % neither yes nor no\n +questions {2}right {2}majority {2}difference\n/,
  );
  assertMatch(stdout, /^dog +2 {2}0\.0 % +50\.0 % +-50\.0\ncat .*\nmean of groups +0\.0 % +50\.0 % +-50\.0\nall +4 /m);
  const message = async (...args: string[]) => (await minimind(["eval", ...args])).stderr;
  assertMatch(
    await message("questions", `${path}/data/captions.jsonl`, model),
    /^minimind: Cannot read ".*captions\.jsonl": the references of line 1 do not say yes or no\n$/,
  );
  assertEquals(
    await message("colours", file),
    `minimind: Cannot evaluate "colours": there are eval captions FILE and eval questions FILE\n`,
  );
  assertMatch(await message("captions"), /^minimind: Cannot evaluate: name a file/);
});
