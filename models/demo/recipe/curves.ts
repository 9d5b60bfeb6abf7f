/**
 * Draws the losses of stages one behind the other, as the model card shows them.
 *
 *     deno run -A models/demo/recipe/curves.ts OUT.svg captions=DIR answers=DIR practice=DIR
 *
 * Each `DIR` is what `train` wrote. Training is the mean over 25 batches, validation a dot after each epoch.
 *
 * @module
 */
import { chart, type ChartLine } from "../../../trainers/chart.ts";

/** What a line of metrics.jsonl has, as far as it is drawn. */
interface Entry {
  readonly type: string;
  readonly batches: number;
  readonly loss: number;
}

const span = 25;
const colors = ["#2a9d6f", "#2b6cb0", "#8e44ad", "#b8860b"];
const validationColor = "#c05621";
const [legendTop, legendHeight] = [218, 22];

const [out, ...stages] = Deno.args;
if (out === undefined || stages.length === 0) throw new TypeError("Cannot draw curves: name OUT.svg and NAME=DIR");

const lines: ChartLine[] = [];
let before = 0;
for (const [i, stage] of stages.entries()) {
  const [name, folder] = stage.split("=") as [string, string];
  const text = await Deno.readTextFile(`${folder}/metrics.jsonl`);
  const entries = text.trim().split("\n").map((line) => JSON.parse(line) as Entry);
  const of = (type: string) => entries.filter((entry) => entry.type === type);
  const steps = of("step");
  const means = Array.from({ length: Math.floor(steps.length / span) }, (_, j) => {
    const part = steps.slice(j * span, (j + 1) * span);
    return [before + part.at(-1)!.batches, part.reduce((sum, { loss }) => sum + loss, 0) / span] as const;
  });
  const tested = of("validation").map(({ batches, loss }) => [before + batches, loss] as const);
  lines.push(
    { name, color: colors[i % colors.length]!, points: means },
    { name: `validation (${name})`, color: validationColor, points: tested, style: "marked" },
  );
  before += steps.at(-1)!.batches;
}

// A picture of its own needs what a page around it would give: a namespace, a style, a legend.
const named = [...lines.filter(({ style }) => style !== "marked"), { name: "validation", color: validationColor }];
const legend = named.map(({ name, color }, i) =>
  `<circle cx="${60 + 130 * i}" cy="${legendTop + 10}" r="4" fill="${color}"/>` +
  `<text x="${70 + 130 * i}" y="${legendTop + 14}">${name}</text>`
).join("");
const style = "<style>text{font:11px sans-serif;fill:#767676}.grid{stroke:#8884}</style>";
const svg = chart(lines, { label: "Loss over batches: training, and validation after each epoch", width: 640 })
  .replace('viewBox="0 0 640 220"', `xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 ${220 + legendHeight}"`)
  .replace(/>/, `>${style}`)
  .replace("</svg>", `${legend}</svg>`);
await Deno.writeTextFile(out, `${svg}\n`);
