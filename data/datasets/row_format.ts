/**
 * The forms of rows: upstream's, LLaVA's and ShareGPT's.
 *
 * @module
 */
import { type Conversation, parseConversation } from "../chat/conversation.ts";
import { isDataUri } from "../image/data_uri.ts";
import { isObject, show } from "../tokenizer/json_object.ts";

/** A row as its file tells it. */
export interface ParsedRow {
  /** What is said. */
  readonly conversation: Conversation;
  /** Names of its images, or data URIs. */
  readonly imageNames: readonly string[];
}

/** How ShareGPT calls the roles. */
const speakers: Readonly<Record<string, string>> = { human: "user", gpt: "assistant", observation: "tool" };

/**
 * Reads a row:
 *
 * - upstream's `{ conversations: [{ role, content }], image: "0.jpg, 1.jpg" }`
 * - LLaVA's `{ id, image: "0.jpg", conversations: [{ from: "human" | "gpt", value }] }`
 * - ShareGPT's `{ messages: [{ role, content }], images: ["0.jpg"], system? }`
 *
 * The names of keys may be mixed. A row without a picture has no `image`.
 *
 * @throws {TypeError} telling what is wrong
 */
export function parseRow(value: unknown): ParsedRow {
  if (!isObject(value)) throw new TypeError(`it is ${show(value)}, not an object`);
  const { conversations, messages, system } = value;
  for (const key of ["video", "videos", "audio", "audios"]) {
    const given = value[key];
    if (given === undefined || given === null || given === "" || (Array.isArray(given) && given.length === 0)) continue;
    throw new TypeError(`it has ${key}, which cannot be learnt; a video's frames may stand as images`);
  }
  const turns = parseTurns(conversations ?? messages);
  const prompt = typeof system === "string" && system !== "" ? [{ role: "system", content: system }] : [];
  const conversation = parseConversation(Array.isArray(turns) ? [...prompt, ...turns] : turns);
  return { conversation, imageNames: parseNames(value["image"] ?? value["images"] ?? []) };
}

/** Turns with the keys that upstream uses. */
export function parseTurns(turns: unknown): unknown {
  if (!Array.isArray(turns)) return turns;
  return turns.map((turn: unknown): unknown => {
    if (!isObject(turn) || !("from" in turn) || "role" in turn) return turn;
    const { from, value, ...rest } = turn;
    const role = typeof from === "string" && Object.hasOwn(speakers, from) ? speakers[from] : from;
    return { ...rest, role, content: value };
  });
}

function parseNames(names: unknown): string[] {
  // Upstream writes several names as one text; names of a list may have commas.
  const list = typeof names !== "string" ? names : isDataUri(names) ? [names] : names.split(",");
  const fine = Array.isArray(list) && list.every((name): name is string => typeof name === "string");
  if (!fine) throw new TypeError(`its image is ${show(names)}, not a name or a list of names`);
  const trimmed = list.map((name) => name.trim());
  if (typeof names === "string" && names.trim() === "") return [];
  if (trimmed.includes("")) throw new TypeError(`its image is ${show(names)}, in which a name is missing`);
  return trimmed;
}
