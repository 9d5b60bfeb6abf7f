/**
 * The file that captions go to: a line of JSON for each image, written as it is done, to be gone on with later.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import type { FinishReason, Timings, Usage } from "../../core/chat_events.ts";
import { stdout } from "../terminal.ts";

/** The caption of an image. */
export interface Caption {
  /** The image's path in its folder, with `/`. */
  readonly file: string;
  /** The model's answer. */
  readonly text: string;
  /** Why it ended. */
  readonly reason: FinishReason;
  /** Tokens. */
  readonly usage: Usage;
  /** Milliseconds. */
  readonly timings: Timings;
}

/** What a line says: a caption, or why there is none. */
export type CaptionRecord = Caption | { readonly file: string; readonly error: string };

/** Takes captions as they come. */
export interface CaptionOutput extends Disposable {
  /** Images that have a caption already. */
  readonly done: ReadonlySet<string>;
  /** Writes a line. */
  write(record: CaptionRecord): void;
}

/** Captions to stdout; nothing is done already. */
export function captionStdout(): CaptionOutput {
  return {
    done: new Set(),
    write: (record) => stdout.write(`${JSON.stringify(record)}\n`),
    [Symbol.dispose]() {},
  };
}

/**
 * Captions to a file, behind those that it has. A last line that was cut off is dropped; images whose line says an
 * error count as not done.
 *
 * @throws {ConfigError} if the file has a line that is none of ours
 */
export async function captionFile(path: string): Promise<CaptionOutput> {
  try {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const bytes = await new Response(file.readable).bytes();
    const whole = bytes.lastIndexOf(0x0a) + 1;
    const text = (part: Uint8Array) => new TextDecoder().decode(part);
    const lines = readLines(text(bytes.subarray(0, whole)), path);
    if (!isBegun(text(bytes.subarray(whole)))) {
      throw new ConfigError(`Cannot go on with "${path}": its end is no caption`);
    }
    return open(path, { whole, ...lines });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot write "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

/** What a file says already. */
interface Lines {
  readonly done: Set<string>;
  readonly errors: Map<string, string>;
}

function open(path: string, { whole, done, errors }: Lines & { readonly whole: number }): CaptionOutput {
  const file = Deno.openSync(path, { write: true });
  file.truncateSync(whole);
  file.seekSync(0, Deno.SeekMode.End);
  return {
    done,
    write(record) {
      if ("error" in record && errors.get(record.file) === record.error) return; // it says so already
      const line = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
      for (let written = 0; written < line.length;) written += file.writeSync(line.subarray(written));
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function readLines(text: string, path: string): Lines {
  const done = new Set<string>();
  const errors = new Map<string, string>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const record = parseLine(line);
    if (typeof record?.["file"] !== "string") {
      throw new ConfigError(`Cannot go on with "${path}": line ${index + 1} is no caption`);
    }
    if (typeof record["text"] === "string") done.add(record["file"]);
    else errors.set(record["file"], String(record["error"]));
  }
  return { done, errors };
}

/** Whether a text is a line of ours as far as it goes, or nothing. */
function isBegun(text: string): boolean {
  const start = '{"file":"';
  return text.startsWith(start) || start.startsWith(text);
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such folder";
  if (error instanceof Deno.errors.NotCapable) return "it may not be, see --allow-read and --allow-write";
  return error instanceof Error ? error.message : String(error);
}

function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : undefined;
  } catch {
    return undefined;
  }
}
