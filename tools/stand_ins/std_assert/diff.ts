/**
 * A readable difference of two values.
 *
 * @module
 */

/** Lines of unchanged text shown around a change. */
const context = 3;

/** Longest pair of changed regions that are aligned line by line; larger ones are shown one after the other. */
const alignable = 1_000_000;

/** One value as many-line text. */
export function format(value: unknown): string {
  return Deno.inspect(value, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
  });
}

/** Line difference of two values: `-` actual, `+` expected, long unchanged stretches left out. */
export function diff(actual: unknown, expected: unknown): string {
  const lines = align(format(actual).split("\n"), format(expected).split("\n"));
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some(([mark]) => mark !== " ")
  );
  const shown: string[] = [];
  lines.forEach(([mark, line], i) => {
    if (near[i]) shown.push(`${mark}   ${line}`);
    else if (i === 0 || near[i - 1]) shown.push("    …");
  });
  return ["    [Diff] Actual / Expected", "", ...shown].join("\n");
}

type Line = [mark: " " | "-" | "+", text: string];

function align(a: string[], b: string[]): Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const keep = (lines: string[]): Line[] => lines.map((line) => [" ", line]);
  return [
    ...keep(a.slice(0, head)),
    ...changed(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...keep(a.slice(a.length - tail)),
  ];
}

/** Longest common subsequence of the lines between the first and the last change. */
function changed(a: string[], b: string[]): Line[] {
  if (a.length * b.length > alignable) {
    return [...a.map((line): Line => ["-", line]), ...b.map((line): Line => ["+", line])];
  }
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] = a[i] === b[j]
        ? length[(i + 1) * width + j + 1]! + 1
        : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([" ", a[i]!]);
      i++;
      j++;
    } else if (j >= b.length || i < a.length && length[(i + 1) * width + j]! >= length[i * width + j + 1]!) {
      lines.push(["-", a[i++]!]);
    } else {
      lines.push(["+", b[j++]!]);
    }
  }
  return lines;
}
