/**
 * Line charts as SVG.
 *
 * @module
 */

/** A line of a chart. */
export interface ChartLine {
  /** Name in the legend. */
  readonly name: string;
  /** CSS colour. */
  readonly color: string;
  /** Its points, x ascending. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `faint` for what another line smooths, `marked` for few points that count one by one. Default `plain`. */
  readonly style?: "plain" | "faint" | "marked" | undefined;
}

/** Options of {@link chart}. */
export interface ChartOptions {
  /** What it shows, for who cannot see it. */
  readonly label: string;
  /** Width in units of its text; its height is 220 of them. Default 520. */
  readonly width?: number | undefined;
}

const height = 220;
const margin = { left: 52, right: 12, top: 10, bottom: 26 };

/** Draws lines over one pair of axes; what is not finite is left out. Empty lines give an empty text. */
export function chart(lines: readonly ChartLine[], { label, width = 520 }: ChartOptions): string {
  const drawn = lines
    .map((line) => ({ ...line, points: thin(line.points.filter(([, y]) => Number.isFinite(y))) }))
    .filter(({ points }) => points.length > 0);
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return "";
  const [x0, x1] = range(all.map(([x]) => x));
  const [y0, y1] = range(all.map(([, y]) => y));
  const px = (x: number) => (margin.left + (x - x0) / (x1 - x0) * (width - margin.left - margin.right)).toFixed(1);
  const py = (y: number) =>
    (height - margin.bottom - (y - y0) / (y1 - y0) * (height - margin.top - margin.bottom))
      .toFixed(1);
  const grid = ticks([y0, y1], 5).flatMap((y) => [
    `<line x1="${margin.left}" x2="${width - margin.right}" y1="${py(y)}" y2="${py(y)}" class="grid"/>`,
    `<text x="${margin.left - 6}" y="${Number(py(y)) + 4}" text-anchor="end">${number(y)}</text>`,
  ]);
  const labels = ticks([x0, x1], 6).map((x) => {
    return `<text x="${px(x)}" y="${height - 8}" text-anchor="middle">${number(x)}</text>`;
  });
  const paths = drawn.flatMap(({ points, color, style, name }) => {
    const path = points.map(([x, y]) => `${px(x)},${py(y)}`).join(" ");
    const opacity = style === "faint" ? ' stroke-opacity=".3"' : "";
    const line = `<polyline fill="none" stroke="${color}" stroke-width="1.5"${opacity} points="${path}"/>`;
    const dots = style !== "marked"
      ? []
      : points.map(([x, y]) =>
        `<circle cx="${px(x)}" cy="${py(y)}" r="3" fill="${color}"><title>${name}, ${number(x)}: ${
          number(y)
        }</title></circle>`
      );
    return [line, ...dots];
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">` +
    [...grid, ...labels, ...paths].join("") + "</svg>";
}

/** Exponential mean over about `span` points, without the pull of a start at zero (Kingma and Ba 2014). */
export function smooth(points: ChartLine["points"], span: number): ChartLine["points"] {
  const keep = 1 - 1 / span;
  let [sum, weight] = [0, 0];
  return points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => {
    [sum, weight] = [keep * sum + y, keep * weight + 1];
    return [x, sum / weight] as const;
  });
}

/** At most a thousand points, each the mean of its neighbours: more could not be told apart. */
function thin(points: ChartLine["points"]): ChartLine["points"] {
  const size = Math.ceil(points.length / 1000);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    const mean = (axis: 0 | 1) => group.reduce((sum, point) => sum + point[axis], 0) / group.length;
    return [mean(0), mean(1)] as const;
  });
}

function range(values: readonly number[]): [number, number] {
  const [low, high] = values.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);
  const room = Math.abs(low) * 0.05 || 0.5;
  return low === high ? [low - room, high + room] : [low, high];
}

/** Round numbers within a range, about as many as wanted: multiples of 1, 2 or 5 times a power of ten. */
function ticks([low, high]: readonly [number, number], wanted: number): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** A number in few signs: 12000 is 12k, 0.00035 is 3.5e-4. */
function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  if (size >= 1e-3 || size < 1e-12) return String(Number(value.toPrecision(4)));
  return value.toExponential(1).replace(".0e", "e");
}
