/**
 * A run's report: one HTML file that needs no other file and no network.
 *
 * @module
 */
import { chart } from "./chart.ts";
import type { MetricsRecord, SampleRecord } from "./metrics.ts";

/** What a report shows. */
export interface ReportOptions {
  /** Title of the page. */
  readonly title: string;
  /** Names and values: settings, digests. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The metrics of the run. */
  readonly records: readonly MetricsRecord[];
  /** Images of each fixed prompt, as data URIs. Default none. */
  readonly images?: readonly (readonly string[])[] | undefined;
}

const style = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:800px;margin:2rem auto;padding:0 1rem}svg{width:100%;font-size:11px;fill:currentColor}
table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #8884;padding:.3rem .6rem;text-align:left;vertical-align:top}
img{max-width:160px;max-height:160px}pre{white-space:pre-wrap;margin:0}`;

/** Renders a report. */
export function renderReport({ title, config, records, images = [] }: ReportOptions): string {
  const steps = records.filter((record) => record.type === "step");
  const validations = records.filter((record) => record.type === "validation");
  const skips = records.filter((record) => record.type === "skip");
  const samples = records.filter((record) => record.type === "sample");
  const [last, best] = [steps.at(-1), validations.filter((record) => record.best).at(-1)];
  const score = validations.at(-1)?.imageScore;
  const summary: Record<string, unknown> = {
    updates: last?.updates ?? 0,
    tokens: last?.tokens ?? 0,
    "last loss": last?.loss.toFixed(4),
    "best validation loss": best && `${best.loss.toFixed(4)} after ${best.batches} batches`,
    "loss when images are exchanged": score === undefined ? undefined : `${score < 0 ? "" : "+"}${score.toFixed(4)}`,
    "updates left out": skips.length,
  };
  const points = (pick: (record: typeof steps[number]) => number) =>
    steps.map((record) => [record.batches, pick(record)] as const);
  const charts = [
    ["Loss", [
      { name: "training", color: "#3b82f6", points: points(({ loss }) => loss) },
      {
        name: "validation",
        color: "#ef4444",
        points: validations.map(({ batches, loss }) => [batches, loss] as const),
      },
    ]],
    ["Rise of the loss when images are exchanged", [{
      name: "rise",
      color: "#10b981",
      points: validations.map(({ batches, imageScore }) => [batches, imageScore ?? NaN] as const),
    }]],
    ["Learning rate", [{
      name: "learning rate",
      color: "#a855f7",
      points: points(({ learningRate }) => learningRate),
    }]],
    ["Norm of the gradients", [{ name: "norm", color: "#f59e0b", points: points(({ norm }) => norm) }]],
    ["Tokens a second", [{ name: "tokens/s", color: "#64748b", points: points((record) => record.tokensPerSecond) }]],
  ] as const;
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>`,
    `<meta name="viewport" content="width=device-width"><style>${style}</style></head><body>`,
    `<h1>${escape(title)}</h1>`,
    table(summary),
    ...charts.flatMap(([label, lines]) => {
      const drawing = chart(lines, { label });
      return drawing === "" ? [] : [`<h2>${label}</h2>${drawing}`];
    }),
    ...samples.length > 0 ? [`<h2>Samples</h2>${sampleTables(samples, images)}`] : [],
    `<h2>Config</h2>${table(config)}`,
    "</body></html>\n",
  ].join("\n");
}

function sampleTables(samples: readonly SampleRecord[], images: NonNullable<ReportOptions["images"]>): string {
  const probes = [...new Set(samples.map(({ probe }) => probe))].sort((a, b) => a - b);
  return probes.map((probe) => {
    const own = samples.filter((sample) => sample.probe === probe);
    const { prompt, expected } = own[0]!;
    const pictures = (images[probe] ?? []).map((uri) => `<img alt="" src="${escape(uri)}">`).join(" ");
    const rows = own.map(({ batches, text }) => `<tr><td>${batches}</td><td><pre>${escape(text)}</pre></td></tr>`);
    return `<h3>${escape(prompt)}</h3>${pictures}<table><tr><th>data</th><td><pre>${escape(expected)}</pre></td></tr>` +
      `${rows.join("")}</table>`;
  }).join("\n");
}

function table(values: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return `<tr><th>${escape(name)}</th><td>${escape(text)}</td></tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
