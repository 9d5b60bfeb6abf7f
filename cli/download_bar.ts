/**
 * One progress bar for all files of a download, on stderr.
 *
 * @module
 */
import { formatBytes } from "../data/hub/bytes.ts";
import type { DownloadProgress } from "../data/hub/mod.ts";

/** Where a bar is drawn. */
export interface BarScreen {
  /** Characters of a line; undefined if it is no terminal, then lines are written now and then. */
  readonly columns: number | undefined;
  /** Writes text. */
  write(text: string): void;
}

const drawEvery = 100;
const lineEvery = 10_000;

/** Draws progress while files arrive. Disposing ends its line. */
export class DownloadBar implements Disposable {
  readonly #screen: BarScreen;
  readonly #now: () => number;
  #start: { readonly at: number; readonly loaded: number } | undefined;
  #drawn = -Infinity;

  /** Takes the screen and a clock in milliseconds, by default stderr and the system's. */
  constructor(screen: BarScreen = stderr(), now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Draws, unless it has just done so: for `onProgress` of a download. */
  update(progress: DownloadProgress): void {
    const now = this.#now();
    this.#start ??= { at: now, loaded: progress.loaded };
    const { columns } = this.#screen;
    const last = progress.loaded === progress.total && progress.filesDone === progress.files - 1;
    if (!last && now - this.#drawn < (columns === undefined ? lineEvery : drawEvery)) return;
    this.#drawn = now;
    const seconds = (now - this.#start.at) / 1000;
    const line = barLine(progress, { rate: (progress.loaded - this.#start.loaded) / seconds, columns });
    this.#screen.write(columns === undefined ? `${line}\n` : `\r${line}\x1b[K`);
  }

  /** Leaves the line as it is, so that something else can be written; a later update starts another one. */
  [Symbol.dispose](): void {
    if (this.#start !== undefined && this.#screen.columns !== undefined) this.#screen.write("\n");
    this.#start = undefined;
  }
}

/** The text of a bar: share, bytes, bytes per second, time left, file; cut to the columns there are. */
export function barLine(
  { file, phase, loaded, total, filesDone, files }: DownloadProgress,
  { rate, columns = 200 }: { readonly rate: number; readonly columns?: number | undefined },
): string {
  const share = total ? loaded / total : 0;
  const cells = Math.round(share * 20);
  const bar = total === undefined ? [] : [
    `${String(Math.floor(share * 100)).padStart(3)} %`,
    columns < 80 ? "" : "█".repeat(cells) + "░".repeat(20 - cells),
  ];
  const bytes = total === undefined ? formatBytes(loaded) : `${formatBytes(loaded)} of ${formatBytes(total)}`;
  const moving = phase === "downloading" && rate > 0 && Number.isFinite(rate);
  const speed = moving ? [`${formatBytes(Math.round(rate))}/s`] : [];
  const left = moving && total !== undefined ? [clock((total - loaded) / rate)] : [];
  const doing = {
    downloading: "",
    checking: "checking ",
    waiting: "another process downloads ",
  }[phase];
  const name = `${doing}${file.split("/").at(-1)} (${filesDone + 1} of ${files})`;
  return [...bar, bytes, ...speed, ...left, name].filter(Boolean).join("  ").slice(0, columns - 1);
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function stderr(): BarScreen {
  return {
    columns: Deno.stderr.isTerminal() ? Deno.consoleSize().columns : undefined,
    write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  };
}
