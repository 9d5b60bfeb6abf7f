/**
 * The page that `data inspect --html` writes: rows with their images, and every token by what becomes of it.
 *
 * @module
 */
import { ignoredLabel } from "../../data/chat/mod.ts";
import { escapeHtml, reportStyle } from "../../trainers/report_style.ts";
import { imageUri } from "../image_uri.ts";
import type { ShownRow } from "./inspect_text.ts";

/** What the page shows. */
export interface InspectPage {
  /** The rows. */
  readonly rows: readonly ShownRow[];
  /** The image files of each. */
  readonly pictures: readonly (readonly Uint8Array[])[];
  /** What was found in the whole file. */
  readonly summary: string;
}

const style = `${reportStyle}.learnt{background:#22c55e44}.image{background:#3b82f644}.tokens span{border-radius:3px}
.tokens{font-family:ui-monospace,monospace;font-size:.85em;white-space:pre-wrap;overflow-wrap:anywhere}pre{white-space:pre-wrap}`;

/** Renders the page; it needs no other file. */
export function inspectPage({ rows, pictures, summary }: InspectPage): string {
  const title = summary.split(":")[0]!;
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>`,
    `<meta name="viewport" content="width=device-width,initial-scale=1"><style>${style}</style></head><body>`,
    `<h1>${escapeHtml(title)}</h1><pre>${escapeHtml(summary)}</pre>`,
    `<p class="quiet"><span class="learnt">learnt</span> <span class="image">image</span> other tokens are only read</p>`,
    ...rows.map((row, i) => card(row, pictures[i] ?? [])),
    "</body></html>\n",
  ].join("\n");
}

function card(row: ShownRow, pictures: readonly Uint8Array[]): string {
  const images = pictures.map((bytes) => `<img alt="" src="${imageUri(bytes)}">`).join("");
  const counts = row.tokenCount === undefined ? "" : `, ${row.tokenCount} tokens, ${row.labelCount} to learn`;
  const head = `<p class="prompt">row ${row.row}${row.problem === undefined ? counts : ""}</p>`;
  return `<section class="sample"><div class="pictures">${images}</div><div>${head}${content(row)}</div></section>`;
}

function content({ problem, tokens, messages }: ShownRow): string {
  const turns = messages.map(({ role, content }) => {
    return `<tr><th>${escapeHtml(role)}</th><td>${escapeHtml(content)}</td></tr>`;
  });
  const text = `<table>${turns.join("")}</table>`;
  if (problem !== undefined) return `<p>${escapeHtml(problem)}</p>${text}`;
  return tokens === undefined ? text : `<p class="tokens">${tokenSpans(tokens)}</p>`;
}

/** Tokens one after the other; equal ones that are not learnt, as an image's, once with their number. */
function tokenSpans(tokens: NonNullable<ShownRow["tokens"]>): string {
  let spans = "";
  for (let i = 0; i < tokens.length;) {
    const { id, text, label } = tokens[i]!;
    let end = i + 1;
    while (label === ignoredLabel && tokens[end]?.id === id && tokens[end]?.label === label) end++;
    const kind = label !== ignoredLabel ? "learnt" : end - i > 4 ? "image" : "";
    const count = end - i > 1 ? `×${end - i}` : "";
    spans += `<span class="${kind}" title="${i}: ${id}">${escapeHtml(text)}${count}</span>`;
    i = end;
  }
  return spans;
}
