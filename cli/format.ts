/**
 * Numbers as people read them.
 *
 * @module
 */

/** `25,829,888`. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `25.8 M`: a count or a rate with a decimal prefix. */
export function scaled(number: number): string {
  const prefixes = ["", " k", " M", " G", " T"];
  const step = Math.min(prefixes.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, number)) / 3)));
  const value = number / 1000 ** step;
  return `${step === 0 ? round(value) : value.toFixed(value < 100 ? 1 : 0)}${prefixes[step]}`;
}

/** `1.5 s`, `12 ms`, `0.31 ms`. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  return `${milliseconds < 1 ? milliseconds.toFixed(2) : round(milliseconds)} ms`;
}

/** `2 rounds`, `1 round`. */
export function counted(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** `wasm, 2 threads`, or `webgpu`, of which threads are no matter. */
export function formatBackend({ backend, threads }: { readonly backend: string; readonly threads: number }): string {
  return backend === "webgpu" ? backend : `${backend}, ${counted(threads, "thread")}`;
}

/** A table: every column as wide as its widest cell, those named in `right` flush right. */
export function table(
  rows: readonly (readonly string[])[],
  { right = [] }: { readonly right?: readonly number[] | undefined } = {},
): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const pad = (cell: string, i: number) => right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

function round(value: number): string {
  return Number.isInteger(value) || value >= 10 ? String(Math.round(value)) : value.toFixed(1);
}

/** Time left: `0:07`, `12:30`, `1:02:05`. */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
