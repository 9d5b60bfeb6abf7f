/**
 * Tells when a model on the disk has changed, as it does while it is trained.
 *
 * @module
 */

/** How to watch. */
export interface WatchOptions {
  /** Ends watching. */
  readonly signal: AbortSignal;
  /** Milliseconds between two looks. Default 2000. */
  readonly intervalMs?: number | undefined;
}

/**
 * Yields each time a file, or a file of a folder, has become another one than it is now, and has then stayed as it is from
 * one look to the next, so that nothing is read that is still being written.
 */
export async function watchModel(place: URL, options: WatchOptions): Promise<AsyncGenerator<void, void, void>> {
  return changes(place, { ...options, known: await stamp(place) });
}

async function* changes(
  place: URL,
  { known, signal, intervalMs = 2000 }: WatchOptions & { known: string },
): AsyncGenerator<void, void, void> {
  let last = known;
  while (await sleep(intervalMs, signal)) {
    const current = await stamp(place);
    const settled = current === last;
    last = current;
    if (!settled || current === known || current === "") continue;
    known = current;
    yield;
  }
}

/** Names, sizes and times of what is there; empty while nothing is. Folders inside a folder are not looked at. */
async function stamp(place: URL): Promise<string> {
  try {
    const info = await Deno.stat(place);
    if (!info.isDirectory) return line("", info);
    const folder = place.href.endsWith("/") ? place : new URL(`${place.href}/`);
    const lines: string[] = [];
    for await (const { name, isFile } of Deno.readDir(folder)) {
      // Only what a model is loaded from: a log grows all the time.
      if (isFile && /\.(safetensors|pth|bin|json|jinja)$/.test(name)) {
        lines.push(line(name, await Deno.stat(new URL(encodeURIComponent(name), folder))));
      }
    }
    return lines.sort().join("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ""; // it is being replaced
    throw error;
  }
}

function line(name: string, { size, mtime, ino }: Deno.FileInfo): string {
  return [name, size, mtime?.getTime(), ino].join(" ");
}

/** Waits; false once the signal is aborted. */
async function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
  return !signal.aborted;
}
