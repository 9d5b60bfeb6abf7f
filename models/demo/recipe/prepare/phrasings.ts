/**
 * How people ask. The first of a list is the one that evaluation uses, and the most frequent.
 *
 * @module
 */
import type { Draws } from "./draws.ts";
import type { Language } from "./row.ts";
import type { Topic } from "./topics.ts";

/** Requests for a caption. */
export const captionRequests: Readonly<Record<Language, readonly string[]>> = {
  en: [
    "Describe the picture.",
    "Describe this image.",
    "Describe the photo in one sentence.",
    "Describe the content of the image.",
    "Please describe the image briefly.",
    "What is in the picture?",
    "What does the picture show?",
    "What can you see?",
    "What is happening here?",
    "Give a short description of this photo.",
    "Write a caption for the image.",
    "Tell me what you see.",
    "What is this?",
  ],
  zh: [
    "描述这张图片。",
    "请描述这张图片。",
    "描述一下这张照片。",
    "描述一下这个图像的内容。",
    "用一句话描述图片。",
    "图里有什么？",
    "图片的内容是什么？",
    "你看到了什么？",
    "这张图片里发生了什么？",
    "给这张照片写一句说明。",
    "请简单描述图像的内容。",
    "说说你看到的。",
    "这是什么？",
  ],
};

/** Requests for a list of things. */
export const listRequests: Readonly<Record<Language, readonly string[]>> = {
  en: [
    "Name the things in the picture.",
    "List what you see.",
    "Which things are in the photo?",
    "What objects do you see?",
    "What are the main things in this image?",
  ],
  zh: ["列出图里的东西。", "图里有哪些东西？", "说出图中的事物。", "照片里有哪些事物？", "图中主要有哪些东西？"],
};

/** Questions for the name of the one thing in a photo. */
export const nameQuestions: Readonly<Record<Language, readonly string[]>> = {
  en: ["What is this?", "What is in the picture?", "What object is this?", "What do you see?", "Name this."],
  zh: ["这是什么？", "图里有什么？", "图中的物体是什么？", "你看到了什么？", "说出它的名字。"],
};

/** Requests for a caption after another answer. */
export const nextRequests: Readonly<Record<Language, readonly string[]>> = {
  en: ["Describe the picture.", "What is happening?", "Tell me more.", "Describe it in one sentence.", "What else?"],
  zh: ["描述这张图片。", "发生了什么？", "再说详细一点。", "用一句话描述一下。", "还有呢？"],
};

/** Answers to questions for yes or no. */
export const yesOrNo: Readonly<Record<Language, { readonly yes: string; readonly no: string }>> = {
  en: { yes: "Yes.", no: "No." },
  zh: { yes: "有。", no: "没有。" },
};

/** Questions whether something is in a photo. */
export function presenceQuestions({ en, zh }: Topic, language: Language): readonly string[] {
  if (language === "zh") {
    return [
      `图中有${zh.name}吗？`,
      `图里有没有${zh.name}？`,
      `有${zh.name}吗？`,
      `照片里有${zh.name}吗？`,
      `你能看到${zh.name}吗？`,
      `这张图片里有${zh.name}吗？`,
    ];
  }
  const [one, any] = en.verbs ?? ["Is", "Are"];
  return [
    `${one} there ${en.name} in the picture?`,
    `${any} there any ${en.any} in the picture?`,
    `Can you see ${en.name}?`,
    `Do you see any ${en.any} here?`,
    `${one} there ${en.name} in this photo?`,
    `Does the image show ${en.name}?`,
  ];
}

/** One of a list, the first one as often as it says (from 0 to 1), the others alike. */
export function pickRequest(list: readonly string[], draws: Draws, first: number): string {
  return draws.chance(first) ? list[0]! : draws.pick(list.slice(1));
}

/** A request as somebody types it who is in a hurry: now and then without its last sign, or in small letters. */
export function typed(request: string, draws: Draws): string {
  const bare = draws.chance(0.1) ? request.replace(/[.?。？]$/, "") : request;
  return draws.chance(0.06) ? bare.toLowerCase() : bare;
}
