/**
 * The page's words in English and Chinese. Elements name theirs: `data-word` is their text, `data-label` their name for
 * screen readers and the pointer, `data-placeholder` what an empty field shows; `{tokens}` stands for `data-tokens`.
 *
 * @module
 */
import { lasting } from "./store.js";

const english = {
  answers: "Answers",
  attach: "Choose images",
  brokenImage: "“{name}” is not an image that can be read here",
  cancel: "Cancel",
  clear: "New conversation",
  composer: "Question",
  continue: "Continue",
  conversation: "Conversation",
  dark: "Dark colours",
  defaults: "Back to the model’s defaults",
  drop: "Drop images here",
  failed: "{problem}",
  idea1: "Describe this image.",
  idea2: "What is in the picture?",
  idea3: "Which colours are there?",
  key: "API key",
  keyHint: "This server answers those who have one of its keys. It is kept until this tab is closed.",
  keyTitle: "A key, please",
  keyWrong: "The server does not know that key.",
  length: "cut at the limit of tokens",
  loading: "The model is being loaded…",
  local: "Run in this browser",
  localBroken: "This browser cannot run it",
  localFailed: "{problem}",
  localGraphics: "On your graphics processor: nothing you ask leaves this page",
  localLoading: "Loading the model…",
  localThread: "On one thread: nothing you ask leaves this page",
  localThreads: "On {threads} threads: nothing you ask leaves this page",
  look: "Where it looked ({share} % of its attention was on images)",
  maxTokens: "Most tokens of an answer",
  model: "Model",
  noModel: "No model",
  noImages: "This model cannot look at images",
  pictures: "Images to send",
  question: "Your question",
  questionHint: "Ask about images, or anything else",
  regenerate: "Answer again",
  remove: "Remove {name}",
  retry: "Try again",
  seed: "Seed",
  seedHint: "Empty: another answer each time.",
  send: "Send",
  settings: "Sampling",
  stats: "{tokens} tokens, {rate} a second",
  stop: "Stop",
  stopped: "stopped",
  temperature: "Temperature",
  temperatureHint: "0 takes the likeliest word each time.",
  topP: "Top-p",
  topPHint: "Draws from the likeliest words that make up this share.",
  unreachable: "the server cannot be reached",
  welcome: "Ask about an image",
  welcomeHint:
    "Drop, paste or choose one or several, and ask away. They stay with the server that this page came from.",
  you: "You",
};

/** @typedef {keyof typeof english} Word */

/** @type {Readonly<Record<Word, string>>} */
const chinese = {
  answers: "回答",
  attach: "选择图片",
  brokenImage: "“{name}”不是这里能读取的图片",
  cancel: "取消",
  clear: "新对话",
  composer: "提问",
  continue: "继续",
  conversation: "对话",
  dark: "深色模式",
  defaults: "恢复模型默认值",
  drop: "把图片拖放到这里",
  failed: "没有回答：{problem}",
  idea1: "描述这张图片。",
  idea2: "图里有什么？",
  idea3: "图中有哪些颜色？",
  key: "API 密钥",
  keyHint: "这个服务只回答持有密钥的人。密钥保留到标签页关闭为止。",
  keyTitle: "请输入密钥",
  keyWrong: "服务器不认识这个密钥。",
  length: "已达到 token 上限",
  loading: "正在加载模型……",
  local: "在本浏览器中运行",
  localBroken: "此浏览器无法运行它",
  localFailed: "无法在此运行：{problem}",
  localGraphics: "使用你的图形处理器：你的提问不会离开本页面",
  localLoading: "正在加载模型……",
  localThread: "单线程运行：你的提问不会离开本页面",
  localThreads: "{threads} 个线程运行：你的提问不会离开本页面",
  look: "它看了哪里（{share}% 的注意力在图片上）",
  maxTokens: "回答的最大 token 数",
  model: "模型",
  noModel: "没有模型",
  noImages: "这个模型看不了图片",
  pictures: "待发送的图片",
  question: "你的问题",
  questionHint: "就图片提问，或者随便聊聊",
  regenerate: "重新回答",
  remove: "移除 {name}",
  retry: "重试",
  seed: "随机种子",
  seedHint: "留空则每次回答都不同。",
  send: "发送",
  settings: "采样设置",
  stats: "{tokens} 个 token，每秒 {rate} 个",
  stop: "停止",
  stopped: "已停止",
  temperature: "温度",
  temperatureHint: "为 0 时每次都取可能性最大的词。",
  topP: "Top-p",
  topPHint: "只从累计概率达到此值的最可能的词中抽取。",
  unreachable: "无法连接服务器",
  welcome: "就图片提问",
  welcomeHint: "拖放、粘贴或选择一张或多张图片，然后提问。图片只会发给提供本页面的服务器。",
  you: "你",
};

const languages = {
  en: { words: english, tag: "en" },
  zh: { words: chinese, tag: "zh-CN" },
};

/** @typedef {keyof typeof languages} Language */

/**
 * The language that was chosen, or the browser's.
 *
 * @returns {Language}
 */
export function firstLanguage() {
  const chosen = lasting.get("language") ?? navigator.language;
  return chosen.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/**
 * The language of the page.
 *
 * @returns {Language}
 */
export function currentLanguage() {
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

/**
 * Shows the whole page in a language.
 *
 * @param {Language} language
 */
export function showLanguage(language) {
  document.documentElement.lang = languages[language].tag;
  translate(document.body);
}

/**
 * Fills an element, and those in it, with the words that they name.
 *
 * @param {HTMLElement} root
 */
export function translate(root) {
  const named = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(
    "[data-word],[data-label],[data-placeholder]",
  ));
  for (const element of [root, ...named]) {
    const { word, label, placeholder } = element.dataset;
    if (word !== undefined) element.textContent = wordFor(word, element);
    if (label !== undefined) {
      element.ariaLabel = wordFor(label, element);
      if (element instanceof HTMLButtonElement) element.title = element.ariaLabel;
    }
    if (placeholder !== undefined) element.setAttribute("placeholder", wordFor(placeholder, element));
  }
}

/**
 * Says something with an element: a word, and what stands in its gaps.
 *
 * @param {HTMLElement} element
 * @param {Word} word
 * @param {Readonly<Record<string, string>>} [values]
 */
export function say(element, word, values = {}) {
  Object.assign(element.dataset, { word, ...values });
  translate(element);
}

/**
 * @param {string} word
 * @param {HTMLElement} element
 */
function wordFor(word, { dataset }) {
  const { words } = languages[currentLanguage()];
  return words[/** @type {Word} */ (word)].replace(/\{(\w+)\}/g, (_, name) => dataset[name] ?? "");
}
