/**
 * What commands write: text to stdout, everything else to stderr, colour and control only on a terminal.
 *
 * @module
 */

/** A stream that text is written to. */
export interface Output {
  /** Whether somebody looks at it: only then are there colours, and lines that change. */
  readonly isTerminal: boolean;
  /** Writes text as it is. */
  write(text: string): void;
}

/** A style of text on a terminal. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Styles by their number in ANSI's list. */
const styles: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** The program's answers. */
export const stdout: Output = outputOf(Deno.stdout);

/** What is said about them. */
export const stderr: Output = outputOf(Deno.stderr);

/** Writes a line to stderr. */
export function note(line: string): void {
  stderr.write(`${line}\n`);
}

/** Text in a style; as it is where there is no terminal, or `NO_COLOR` is set. */
export function styled(text: string, style: Style, output: Pick<Output, "isTerminal"> = stdout): string {
  return output.isTerminal && !Deno.noColor ? `\x1b[${styles[style]}m${text}\x1b[0m` : text;
}

/** A model's text with nothing in it that a terminal would obey: only line feeds and tabs remain of control codes. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => character === "\n" || character === "\t" ? character : "\uFFFD");
}

/** What went wrong, in one line that no terminal obeys: a message may quote what a file says. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return printable(message.replace(/\p{Cc}\[[\d;]*m/gu, "").replace(/\s*\n\s*/g, " "));
}

function outputOf(stream: { writeSync(bytes: Uint8Array): number; isTerminal(): boolean }): Output {
  return {
    isTerminal: stream.isTerminal(),
    write(text) {
      const bytes = new TextEncoder().encode(text);
      for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
    },
  };
}
