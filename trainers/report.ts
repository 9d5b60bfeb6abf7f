/**
 * A run's report: one HTML file that needs no other file and no network.
 *
 * @module
 */
import { chart, type ChartLine, smooth } from "./chart.ts";
import type { MetricsRecord, SampleRecord } from "./metrics.ts";
import { escapeHtml, reportStyle } from "./report_style.ts";
import type { StepEvent } from "./train_events.ts";

/** What a report shows. */
export interface ReportOptions {
  /** Title of the page. */
  readonly title: string;
  /** Names and values by heading: settings, digests. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The metrics of the run. */
  readonly records: readonly MetricsRecord[];
  /** Images of each fixed prompt, as data URIs. Default none. */
  readonly images?: readonly (readonly string[])[] | undefined;
}

/** Renders a report. */
export function renderReport({ title, tables, records, images = [] }: ReportOptions): string {
  const samples = records.filter((record) => record.type === "sample");
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>`,
    `<meta name="viewport" content="width=device-width,initial-scale=1"><style>${reportStyle}</style></head><body>`,
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="quiet">${escapeHtml(progressOf(records))}</p>`,
    `<dl class="facts">${facts(records).map(fact).join("")}</dl>`,
    `<div class="charts">${charts(records).join("\n")}</div>`,
    ...samples.length > 0 ? [`<h2>Fixed prompts</h2>${sampleCards(samples, images)}`] : [],
    ...Object.entries(tables).filter(([, values]) => Object.keys(values).length > 0).map(([heading, values]) =>
      `<h2>${escapeHtml(heading)}</h2>${table(values)}`
    ),
    "</body></html>\n",
  ].join("\n");
}

function stepsOf(records: readonly MetricsRecord[]): StepEvent[] {
  return records.filter((record) => record.type === "step");
}

/** How far the run is. */
function progressOf(records: readonly MetricsRecord[]): string {
  const last = stepsOf(records).at(-1);
  if (last === undefined) return "No update yet";
  const { batches, totalBatches, epoch, updates, tokens } = last;
  return `Batch ${whole(batches)} of ${whole(totalBatches)} in epoch ${epoch + 1}, ` +
    `${whole(updates)} updates, ${whole(tokens)} tokens`;
}

/** The numbers one looks for first; absent ones are undefined. */
function facts(records: readonly MetricsRecord[]): [name: string, value: string | undefined, note?: string][] {
  const steps = stepsOf(records);
  const validations = records.filter((record) => record.type === "validation");
  const skipped = records.filter((record) => record.type === "skip").length;
  const best = validations.filter((record) => record.best).at(-1);
  const score = validations.at(-1)?.imageScore;
  const speeds = steps.map(({ tokensPerSecond }) => tokensPerSecond).sort((a, b) => a - b);
  const speed = speeds[speeds.length >> 1];
  const span = spanOf(steps);
  const loss = smooth(steps.map(({ batches, loss }) => [batches, loss]), span).at(-1)?.[1];
  return [
    ["training loss", loss?.toFixed(4), span === 1 ? "of the last update" : `mean of about ${span} updates`],
    ["best validation loss", best?.loss.toFixed(4), `after ${whole(best?.batches ?? 0)} batches`],
    [
      "loss with exchanged images",
      score === undefined ? undefined : `${score < 0 ? "−" : "+"}${Math.abs(score).toFixed(4)}`,
      "near 0: it does not look at them",
    ],
    ["tokens a second", speed === undefined ? undefined : whole(speed), "median, padding included"],
    ["updates left out", skipped === 0 ? undefined : whole(skipped), "gradients were not finite"],
  ];
}

/** Updates that the smoothed loss is the mean of: a twentieth of the run, 50 at most. */
function spanOf({ length }: readonly StepEvent[]): number {
  return Math.max(1, Math.min(50, Math.floor(length / 20)));
}

function fact([name, value, note = ""]: [string, string | undefined, string?]): string {
  return value === undefined ? "" : `<div><dt>${name}</dt><dd>${value}</dd><p class="quiet">${note}</p></div>`;
}

function charts(records: readonly MetricsRecord[]): string[] {
  const steps = stepsOf(records);
  const validations = records.filter((record) => record.type === "validation");
  const points = (pick: (record: StepEvent) => number) => steps.map((step) => [step.batches, pick(step)] as const);
  const loss = points(({ loss }) => loss);
  const many = spanOf(steps) > 1;
  const line = (name: string, color: string, points: ChartLine["points"], style?: ChartLine["style"]): ChartLine => {
    return { name, color, points, style };
  };
  return [
    figure("Loss", [
      line(many ? "training, each update" : "training", "#3b82f6", loss, many ? "faint" : "plain"),
      ...many ? [line("training, smoothed", "#3b82f6", smooth(loss, spanOf(steps)))] : [],
      line("validation", "#ef4444", validations.map(({ batches, loss }) => [batches, loss]), "marked"),
    ], 1060),
    figure("Rise of the loss when images are exchanged", [
      line("rise", "#10b981", validations.map(({ batches, imageScore }) => [batches, imageScore ?? NaN]), "marked"),
    ]),
    figure("Learning rate", [line("learning rate", "#a855f7", points(({ learningRate }) => learningRate))]),
    figure("Norm of the gradients before clipping", [line("norm", "#f59e0b", points(({ norm }) => norm))]),
    ...steps.some(({ auxLoss }) => auxLoss !== 0)
      ? [figure("Auxiliary loss of the experts", [line("auxiliary", "#0ea5e9", points(({ auxLoss }) => auxLoss))])]
      : [],
    figure("Tokens a second", [line("tokens/s", "#64748b", points(({ tokensPerSecond }) => tokensPerSecond))]),
  ];
}

function figure(label: string, lines: readonly ChartLine[], width?: number): string {
  const drawing = chart(lines, { label, width });
  if (drawing === "") return "";
  const shown = lines.filter(({ points }) => points.length > 0);
  const legend = shown.length === 1
    ? ""
    : shown.map(({ name, color, style }) =>
      `<span style="color:${color}${style === "faint" ? ";opacity:.5" : ""}">${
        style === "marked" ? "●" : "━"
      } ${name}</span>`
    ).join(" ");
  const wide = width === undefined ? "" : ' class="wide"';
  return `<figure${wide}><figcaption>${label} ${legend}</figcaption>${drawing}</figure>`;
}

function sampleCards(samples: readonly SampleRecord[], images: NonNullable<ReportOptions["images"]>): string {
  const probes = [...new Set(samples.map(({ probe }) => probe))].sort((a, b) => a - b);
  return probes.map((probe) => {
    const own = samples.filter((sample) => sample.probe === probe);
    const { prompt, expected } = own[0]!;
    const pictures = (images[probe] ?? []).map((uri) => `<img alt="" src="${escapeHtml(uri)}">`).join("");
    const rows = spread(own, 12).map(({ batches, text }) =>
      `<tr><th>${whole(batches)}</th><td>${oneLine(text)}</td></tr>`
    );
    return `<section class="sample"><div class="pictures">${pictures}</div><div><p class="prompt">${
      oneLine(prompt)
    }</p>` +
      `<table><tr class="expected"><th>data</th><td>${oneLine(expected)}</td></tr>${
        rows.join("")
      }</table></div></section>`;
  }).join("\n");
}

/** Some of many, as far apart as possible, the last among them. */
function spread<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round(i * (items.length - 1) / (count - 1))]!);
}

/** Text with its line breaks as signs: models that know little write many. */
function oneLine(text: string): string {
  return escapeHtml(text.trimEnd()).replaceAll(/\r?\n/g, '<span class="quiet">⏎</span> ');
}

function table(values: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(text)}</td></tr>`;
  });
  return `<table class="values">${rows.join("")}</table>`;
}

function whole(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, " ");
}
