import { assert, assertEquals, assertGreater } from "@std/assert";
import { tidyEnglish } from "../../models/demo/recipe/prepare/caption_text.ts";
import { factsOf } from "../../models/demo/recipe/prepare/facts.ts";
import type { Photo } from "../../models/demo/recipe/prepare/pack.ts";
import { presenceQuestions } from "../../models/demo/recipe/prepare/phrasings.ts";
import { photoRows } from "../../models/demo/recipe/prepare/photo_rows.ts";
import { balancedQuestions } from "../../models/demo/recipe/prepare/questions.ts";
import { subjectQuestion } from "../../models/demo/recipe/prepare/subject.ts";
import { topics } from "../../models/demo/recipe/prepare/topics.ts";

function photo(id: string, en: readonly string[], zh: readonly string[]): Photo {
  return { id, en, zh, offset: 0, length: 0 };
}

const dogs = photo("dogs", ["A dog runs on the grass .", "Two puppies play .", "A dog in a park ."], ["草地上的狗。"]);
const woman = photo("woman", ["A woman rides a bike .", "A lady on a bike .", "A woman ."], ["骑车的女人。"]);

/** What the captions of a photo say of a topic. */
function present(shown: Photo, id: string): boolean | undefined {
  return factsOf(shown).find(({ topic }) => topic.id === id)!.present;
}

Deno.test("tidyEnglish() joins signs to their words, begins with a capital and ends with a full stop", () => {
  assertEquals(tidyEnglish(`a dog 's ball , which is n't red`), "A dog's ball, which isn't red.");
  assertEquals(tidyEnglish(`The band " Kiss " plays ! `), `The band "Kiss" plays!`);
  assertEquals(tidyEnglish("Two girls in a lake ,"), "Two girls in a lake.");
});

Deno.test("factsOf() takes what three captions say for true, and what somebody leaves open for unknown", () => {
  assertEquals(present(dogs, "dog"), true);
  assertEquals(present(dogs, "grass"), undefined); // two of them, and a park may have some
  assertEquals(present(dogs, "snow"), false);
  assertEquals(present(woman, "woman"), true);
  assertEquals(present(woman, "man"), false); // several say what she is
  assertEquals(present(photo("x", ["A person rides a bike ."], ["骑车的人。"]), "man"), undefined);
  assertEquals(present(photo("x", ["A woman and two people ."], ["女人们和别人。"]), "man"), undefined);
  assertEquals(present(photo("x", ["Bulldozers at a manor ."], ["马路。"]), "dog"), false);
  assertEquals(present(photo("x", ["A street ."], ["马路。"]), "horse"), false);
});

Deno.test("balancedQuestions() asks of every topic as many photos with it as without, the same for a seed", () => {
  const photos = Array.from({ length: 40 }, (_, i) => {
    const shown = i % 4 === 0 ? dogs : woman;
    return { photo: { ...shown, id: `${i}` }, facts: factsOf(shown) };
  });
  const asked = balancedQuestions(photos, { seed: 1, most: 100 });
  assertEquals(balancedQuestions(photos, { seed: 1, most: 100 }), asked);
  for (const { id } of topics) {
    const answers = [...asked.values()].flat().filter(({ topic }) => topic.id === id).map(({ present }) => present);
    assertEquals(answers.filter((yes) => yes).length * 2, answers.length, id);
  }
  const all = [...asked.values()].flat();
  assertEquals(all.filter(({ topic, present }) => topic.id === "dog" && present).length, 10);
  const few = [...balancedQuestions(photos, { seed: 1, most: 2 }).values()].flat();
  assertEquals(few.filter(({ topic }) => topic.id === "dog").length, 4);
});

Deno.test("photoRows() answers in the language of the question and keeps what the photo's captions say", () => {
  const facts = factsOf(dogs);
  const questions = [{ topic: topics[0]!, present: true }];
  const rows = photoRows({ photo: dogs, facts }, { seed: 3, image: "dogs.jpg", questions });
  assertEquals(photoRows({ photo: dogs, facts }, { seed: 3, image: "dogs.jpg", questions }), rows);
  assertEquals(rows.map(({ kind }) => kind).filter((kind) => kind === "caption").length, 4);
  for (const { turns, image } of rows) {
    assertEquals(image, "dogs.jpg");
    for (const { question, answer } of turns) {
      assertEquals(/[\u4e00-\u9fff]/.test(question), /[\u4e00-\u9fff]/.test(answer), `${question} ${answer}`);
    }
  }
  const answers = rows.flatMap(({ turns }) => turns.map(({ answer }) => answer));
  for (const wanted of ["Yes.", "有。", "A dog.", "狗。", "Two puppies play."]) {
    assert(answers.includes(wanted), wanted);
  }
});

Deno.test("presenceQuestions() agree in number, and subjectQuestion() asks for who the caption is about", () => {
  const of = (id: string) => topics.find((topic) => topic.id === id)!;
  assertEquals(presenceQuestions(of("water"), "en")[1], "Is there any water in the picture?");
  assertEquals(presenceQuestions(of("glasses"), "en")[0], "Are there glasses in the picture?");
  assertEquals(presenceQuestions(of("dog"), "en").slice(0, 2), [
    "Is there a dog in the picture?",
    "Are there any dogs in the picture?",
  ]);
  assertEquals(presenceQuestions(of("dog"), "zh")[0], "图中有狗吗？");
  assertGreater(topics.length, 25);
  assertEquals(subjectQuestion("A black and white dog is running .", "en"), "What is the dog doing?");
  assertEquals(subjectQuestion("Two girls are swimming .", "en"), "What are the girls doing?");
  assertEquals(subjectQuestion("The beach with a dog .", "en"), undefined);
  assertEquals(subjectQuestion("一只小狗正在奔跑。", "zh"), "狗在做什么？");
  assertEquals(subjectQuestion("奔跑的狗。", "zh"), undefined);
});
