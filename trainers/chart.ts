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
}

const width = 720, height = 240;
const margin = { left: 56, right: 12, top: 12, bottom: 28 };

/** Draws lines over one pair of axes; what is not finite is left out. Empty lines give an empty text. */
export function chart(lines: readonly ChartLine[], { label }: { readonly label: string }): string {
  const drawn = lines.map((line) => ({ ...line, points: thin(line.points.filter(([, y]) => Number.isFinite(y))) }));
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return "";
  const range = (values: number[]): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  };
  const [x0, x1] = range(all.map(([x]) => x));
  const [y0, y1] = range(all.map(([, y]) => y));
  const px = (x: number) => margin.left + (x - x0) / (x1 - x0) * (width - margin.left - margin.right);
  const py = (y: number) => height - margin.bottom - (y - y0) / (y1 - y0) * (height - margin.top - margin.bottom);
  const paths = drawn.filter(({ points }) => points.length > 0).map(({ points, color }) => {
    const path = points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(" ");
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${path}"/>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const [x, y] = [x0 + share * (x1 - x0), y0 + share * (y1 - y0)];
    return [
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${py(y)}" y2="${py(y)}" stroke="#8884"/>`,
      `<text x="${margin.left - 6}" y="${py(y) + 4}" text-anchor="end">${number(y)}</text>`,
      `<text x="${px(x)}" y="${height - 8}" text-anchor="middle">${Math.round(x)}</text>`,
    ];
  });
  const legend = drawn.map(({ name, color }, i) =>
    `<text x="${width - margin.right - 4}" y="${
      margin.top + 14 + 16 * i
    }" text-anchor="end" fill="${color}">${name}</text>`
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">` +
    [...ticks, ...paths, ...legend].join("") + "</svg>";
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

function number(value: number): string {
  return Math.abs(value) >= 0.01 || value === 0 ? value.toPrecision(3) : value.toExponential(1);
}
