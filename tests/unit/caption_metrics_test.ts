import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  type CaptionLanguage,
  captionLanguage,
  type CaptionWords,
  captionWords,
  ciderD,
  corpusBleu,
  readYesNo,
  rougeL,
  scoreCaptions,
} from "../../data/metrics/mod.ts";

type Texts = readonly (readonly [candidate: string, references: readonly string[]])[];

const english: Texts = [
  ["A dog runs on the grass.", [
    "A dog is running across the green grass .",
    "The brown dog runs on grass",
    "A dog plays outside!",
  ]],
  ["a man in a red shirt rides a bike", [
    "A man rides his bike down the street",
    "a man in red rides a bicycle",
    "Someone is riding a bike on the road.",
  ]],
  ["two children play in the water", [
    "Two kids are playing in the water at the beach",
    "children play in the ocean",
    "two young children play in the water",
  ]],
  ["the the the the", ["the cat sat on the mat", "a cat is on the mat"]],
];
const chinese: Texts = [
  ["一只狗在草地上奔跑。", ["一只狗在草地上跑", "草地上奔跑的狗", "一只棕色的狗，在绿色的草地上奔跑"]],
  ["一个男人在骑车", ["一个穿红衣服的男人骑着自行车", "男人在街上骑车"]],
  ["两个孩子在水里玩", ["两个小孩在海里玩耍", "孩子们在水里玩！", "两个孩子在海边玩水"]],
];

function cut(texts: Texts, language: CaptionLanguage): CaptionWords[] {
  return texts.map(([candidate, references]) => ({
    candidate: captionWords(candidate, language),
    references: references.map((text) => captionWords(text, language)),
  }));
}

/** The figures were computed by other code: NLTK's corpus_bleu, and CIDEr-D and ROUGE-L by the formulas of COCO's. */
const worked: readonly [string, CaptionWords[], { bleu: number[]; rouge: number; cider: number }][] = [
  ["English", cut(english, "en"), {
    bleu: [0.84, 0.663324958, 0.505814475, 0.375634178],
    rouge: 0.682621494,
    cider: 2.246662213,
  }],
  ["English without the odd one", cut(english.slice(0, 3), "en"), {
    bleu: [0.904761905, 0.743579218, 0.569085793, 0.418644602],
    rouge: 0.781470008,
    cider: 2.960048758,
  }],
  [
    "three words of each, which are too short",
    cut(english.slice(0, 3), "en").map(({ candidate, references }) => {
      return { candidate: candidate.slice(0, 3), references };
    }),
    { bleu: [0.459425824, 0.419396479, 0.299765215, 0], rouge: 0.558781227, cider: 1.622134495 },
  ],
  ["Chinese", cut(chinese, "zh"), {
    bleu: [1, 0.951189731, 0.867764177, 0.791296238],
    rouge: 0.858795738,
    cider: 4.019846578,
  }],
];

for (const [name, captions, expected] of worked) {
  Deno.test(`corpusBleu(), rougeL() and ciderD() give what other code gives, within 1e-9: ${name}`, () => {
    corpusBleu(captions).forEach((score, i) => assertAlmostEquals(score, expected.bleu[i]!, 1e-9));
    assertAlmostEquals(rougeL(captions), expected.rouge, 1e-9);
    assertAlmostEquals(ciderD(captions), expected.cider, 1e-9);
    const { bleu, rougeL: rouge, ciderD: cider } = scoreCaptions(captions);
    assertAlmostEquals(bleu[3], 100 * expected.bleu[3]!, 1e-7);
    assertAlmostEquals(rouge, 100 * expected.rouge, 1e-7);
    assertAlmostEquals(cider, 100 * expected.cider, 1e-7);
  });
}

Deno.test("corpusBleu() clips counts by the reference that has most, and takes the closest length, the shorter of two", () => {
  const words = (text: string) => text.split(" ");
  // Papineni's example: "the" seven times, of which one reference has two.
  const clipped = [{ candidate: words("the the the the the the the"), references: [words("the cat is on the mat")] }];
  assertAlmostEquals(corpusBleu(clipped)[0], 2 / 7, 1e-12);
  // 4 words; references of 3 and 5 are equally close, and 3 has no penalty.
  const tied = [{ candidate: words("a b c d"), references: [words("a b c d e"), words("a b c")] }];
  assertEquals(corpusBleu(tied), [1, 1, 1, 1]);
  const far = [{ candidate: words("a b c d"), references: [words("a b c d e f")] }];
  assertAlmostEquals(corpusBleu(far)[3], Math.exp(1 - 6 / 4), 1e-12);
  // Over the corpus, not the mean of sentences: (4 + 0) / (4 + 1) words right.
  const other = [{ candidate: words("a b c d"), references: [words("a b c d")] }];
  assertAlmostEquals(corpusBleu([...other, { candidate: ["x"], references: [["y"]] }])[0], 0.8, 1e-12);
});

Deno.test("metrics of captions that say nothing are 0, and of no captions an error", () => {
  const empty = [{ candidate: [], references: [["a", "cat"]] }];
  assertEquals(scoreCaptions(empty), { bleu: [0, 0, 0, 0], rougeL: 0, ciderD: 0 });
  assertThrows(() => scoreCaptions([]), RangeError, "Cannot score captions: there are none");
  const bare = [{ candidate: ["a"], references: [] }];
  assertThrows(() => scoreCaptions([...empty, ...bare]), RangeError, "caption 1 has no reference");
});

Deno.test("ciderD() of captions equal to their only references is 10, and 0 where an image has no rare words", () => {
  const same = ["a b c d e", "f g h i j k"].map((text) => text.split(" "))
    .map((words) => ({ candidate: words, references: [words] }));
  assertAlmostEquals(ciderD(same), 10, 1e-12);
  assertEquals(ciderD(same.slice(0, 1)), 0);
});

Deno.test("captionWords() cuts English into words and Chinese into characters, without case and punctuation", () => {
  assertEquals(captionWords("The dog's T-shirt -- “RED”, 2 balls!", "en"), [
    ..."the dog s t shirt red 2 balls".split(" "),
  ]);
  assertEquals(captionWords("一个穿Ｔ恤的人，在 2 楼。", "zh"), [..."一个穿t恤的人在2楼"]);
  assertEquals(captionWords("Café naïve", "en"), ["café", "naïve"]);
  assertEquals(captionWords(" … ", "en"), []);
  assertEquals(captionLanguage(["A dog", "一只狗"]), "zh");
  assertEquals(captionLanguage(["A dog.", "Un chien"]), "en");
});

Deno.test("readYesNo() reads how an answer begins, in English and Chinese", () => {
  const read = (texts: string) => texts.split("|").map(readYesNo);
  assertEquals(read("Yes.|yes, there is a dog|Yeah!|“Yes”|是的。|有。|有一只狗|对，有|嗯"), Array(9).fill("yes"));
  assertEquals(read("No.|no dog|Not at all|None|没有。|不是|否|无|沒有|不，没有"), Array(10).fill("no"));
  assertEquals(read("A dog.|northern lights|yesterday|对不起|一只狗||。"), Array(7).fill(undefined));
});
