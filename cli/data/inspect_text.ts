/**
 * What `data inspect` writes.
 *
 * @module
 */
import { ignoredLabel } from "../../data/chat/mod.ts";
import { formatBytes } from "../../data/hub/mod.ts";
import { printable, styled as onTerminal } from "../terminal.ts";
import type { Spread, Summary } from "./tally.ts";

/** What is known of an image. */
export interface ImageFacts {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Bytes of the file. */
  readonly bytes: number;
}

/** A row, or what is wrong with it. */
export interface ShownRow {
  /** Its number. */
  readonly row: number;
  /** What is said. */
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** Its images, with their names in the file and their first positions among the tokens. */
  readonly images: readonly (ImageFacts & { readonly name?: string | undefined; readonly start: number })[];
  /** Tokens before the cut; absent without a tokenizer. */
  readonly tokenCount?: number | undefined;
  /** Tokens to learn; absent without a tokenizer. */
  readonly labelCount?: number | undefined;
  /** Every token, with its text and label. */
  readonly tokens?: readonly { readonly id: number; readonly text: string; readonly label: number }[] | undefined;
  /** Why it cannot be learnt from. */
  readonly problem?: string | undefined;
}

/** A row for people to read. */
export function rowText(row: ShownRow, { tokens }: { readonly tokens: boolean }): string {
  const images = row.images.map(({ name, width, height, bytes }) =>
    `${name === undefined ? "" : `${name.slice(0, 60)} `}${width}×${height}, ${formatBytes(bytes)}`
  );
  const facts = [
    ...(row.tokenCount === undefined ? [] : [`${row.tokenCount} tokens, ${row.labelCount} to learn`]),
    images.length === 0 ? "no image" : `${images.length} image${images.length > 1 ? "s" : ""} (${images.join("; ")})`,
  ];
  const lines = [onTerminal(`row ${row.row}`, "bold") + (row.problem === undefined ? `: ${facts.join(", ")}` : "")];
  if (row.problem !== undefined) lines.push(`  ${onTerminal(printable(row.problem), "red")}`);
  for (const { role, content } of row.messages) {
    lines.push(`  ${onTerminal(role, "cyan")}: ${printable(content).replaceAll("\n", "\n    ")}`);
  }
  if (tokens && row.tokens !== undefined) lines.push(...tokenLines(row.tokens));
  return `${lines.join("\n")}\n`;
}

/** Tokens one a line; equal ones that follow each other and are not learnt, as an image's, share one. */
function tokenLines(tokens: NonNullable<ShownRow["tokens"]>): string[] {
  const lines: string[] = [];
  for (let i = 0; i < tokens.length;) {
    const { id, text, label } = tokens[i]!;
    const learnt = label !== ignoredLabel;
    let end = i + 1;
    while (!learnt && tokens[end]?.id === id && tokens[end]?.label === label) end++;
    const place = (end - i > 1 ? `${i}…${end - 1}` : String(i)).padStart(9);
    const line = `${place} ${String(id).padStart(6)}  ${learnt ? "learn" : "     "}  ${JSON.stringify(text)}`;
    lines.push(learnt ? onTerminal(line, "green") : line);
    i = end;
  }
  return lines;
}

/** The summary for people to read, in colours on a terminal unless it is to be plain. */
export function summaryText(summary: Summary, { plain = false }: { readonly plain?: boolean } = {}): string {
  const styled: typeof onTerminal = plain ? (text) => text : onTerminal;
  const { file, rows, checked, good, images, textOnly, cut, tokens, labels, problems } = summary;
  const spread = ({ min, mean, max }: Spread) => `${min} to ${max}, mean ${mean}`;
  const bad = Object.entries(problems).map(([reason, { count, first }]) =>
    `  ${styled(`${count} ${reason}`, "red")}, first: ${printable(first)}`
  );
  return [
    `${styled(file, "bold")}: ${rows} rows, ${checked} checked, ${good} can be learnt from`,
    `  images ${images}, rows without one ${textOnly}${cut > 0 ? `, rows cut ${cut}` : ""}`,
    ...(tokens === undefined ? [] : [`  tokens of a row ${spread(tokens)}`]),
    ...(labels === undefined ? [] : [`  to learn of a row ${spread(labels)}`]),
    ...bad,
  ].join("\n");
}
