/**
 * Yes or no in what people and models say, in English and Chinese.
 *
 * @module
 */

/** What an answer comes to. */
export type YesNo = "yes" | "no";

/** Beginnings of a no; they go before those of a yes, for 不是 has 是 in it. */
const no = /^(?:no|nope|not|none)(?![\p{L}\p{N}])|^(?:不|没|沒|否|无|無|非)/u;
const yes = /^(?:yes|yeah|yep)(?![\p{L}\p{N}])|^(?:是|有|对(?!不起)|對(?!不起)|嗯)/u;

/** Reads an answer by how it begins; undefined if it begins with neither yes nor no. */
export function readYesNo(text: string): YesNo | undefined {
  const start = text.normalize("NFKC").toLowerCase().replace(/^[^\p{L}\p{N}]+/u, "");
  if (no.test(start)) return "no";
  return yes.test(start) ? "yes" : undefined;
}
