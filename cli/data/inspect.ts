/**
 * `minimind data inspect`: rows of a data set with their tokens, labels and images, and a summary of what is wrong.
 *
 * @module
 */
import { ignoredLabel } from "../../data/chat/mod.ts";
import { type Dataset, DatasetError, openDataset, type Sample, SampleMaker } from "../../data/datasets/mod.ts";
import { loadImage } from "../../data/image/mod.ts";
import { openImageFolder } from "../../sdk/image_folder.ts";
import { openRandomAccess } from "../../sdk/random_access.ts";
import { shortName } from "../../sdk/model_source.ts";
import { parseFlags } from "../flags.ts";
import { hubFlags } from "../hub_flags.ts";
import { note } from "../terminal.ts";
import { inspectPage } from "./inspect_page.ts";
import { type ImageFacts, rowText, type ShownRow, summaryText } from "./inspect_text.ts";
import { openRenderer } from "./open_renderer.ts";
import { type Summary, Tally } from "./tally.ts";

/** Flags of `data inspect`, for {@link parseFlags}. */
export const inspectFlags = {
  rows: { type: "number", value: "N", summary: "Rows to show (default 3)" },
  check: { type: "number", value: "N", summary: "Rows to check, spread over the file; 0 for all (default 1000)" },
  tokens: { type: "boolean", summary: "Show every token with its id and label; needs --model or --tokenizer" },
  images: { type: "string", value: "DIR", aliases: ["image-dir"], summary: "The folder that images are named in" },
  model: { type: "string", value: "NAME", aliases: ["m"], summary: "Uses the tokenizer of this model" },
  tokenizer: { type: "string", value: "DIR", summary: "Uses the tokenizer of this folder" },
  "max-tokens": {
    type: "number",
    value: "N",
    aliases: ["max-seq-len"],
    summary: "Cuts rows to this many tokens, as training would (default none)",
  },
  html: { type: "string", value: "FILE", summary: "Also write a page with the rows, their images, tokens and labels" },
  json: { type: "boolean", summary: "Print JSON" },
  ...hubFlags,
} as const;

/** Runs it and resolves to the exit code: 1 if a checked row cannot be learnt from. */
export async function inspect(args: readonly string[]): Promise<number> {
  const { flags, positional: [path, ...others] } = parseFlags(args, inspectFlags);
  if (path === undefined || others.length > 0) throw new TypeError("Cannot inspect: name one file");
  const { rows = 3, check = 1000, "max-tokens": maxTokens = 2 ** 30 } = flags;
  for (const [name, value] of Object.entries({ rows, check })) {
    if (!Number.isInteger(value) || value < 0) {
      throw new TypeError(`Cannot read flag "--${name}": ${value} is no count`);
    }
  }
  const { renderer, tokenizer, name, generation } = await openRenderer(flags);
  if (flags.tokens && name === undefined) throw new TypeError("Cannot show tokens: name a --model or a --tokenizer");
  await using file = await openRandomAccess(path);
  const readImage = flags.images === undefined ? undefined : openImageFolder(flags.images);
  const dataset = await openDataset(file, { name: shortName(path), readImage });
  const maker = new SampleMaker<ImageFacts>({
    renderer,
    maxTokens,
    variation: generation === 2 ? false : { systemRatio: 0, emptyThoughtsRatio: -1 },
    readImage: async (bytes, { name, signal }) => {
      const { width, height } = await loadImage(bytes, { name, signal, maxPixels: 40_000_000 });
      return { width, height, bytes: bytes.length };
    },
  });
  const shown: ShownRow[] = [];
  for (let row = 0; row < Math.min(rows, dataset.length); row++) {
    shown.push(
      await show(dataset, row, { maker, decode: name === undefined ? undefined : (id) => tokenizer.decode([id]) }),
    );
    if (!flags.json) console.log(rowText(shown.at(-1)!, { tokens: flags.tokens }));
  }
  const summary = await checkRows(dataset, { maker, count: check, counted: name !== undefined });
  const tokens = ({ tokens, ...row }: ShownRow) => flags.tokens ? { ...row, tokens } : row;
  console.log(
    flags.json ? JSON.stringify({ ...summary, shown: shown.map(tokens) }, undefined, 2) : summaryText(summary),
  );
  if (flags.html !== undefined) {
    const pictures = await Promise.all(shown.map(({ row }) => readPictures(dataset, row)));
    const page = inspectPage({ rows: shown, pictures, summary: summaryText(summary, { plain: true }) });
    await Deno.writeTextFile(flags.html, page);
    note(`wrote ${flags.html}`);
  }
  return summary.good === summary.checked ? 0 : 1;
}

/** The image files of a row; of one that cannot be read none, as its text says. */
async function readPictures(dataset: Dataset, index: number): Promise<readonly Uint8Array[]> {
  try {
    return await (await dataset.row(index)).images();
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return [];
  }
}

async function show(
  dataset: Dataset,
  index: number,
  { maker, decode }: {
    readonly maker: SampleMaker<ImageFacts>;
    readonly decode: ((id: number) => string) | undefined;
  },
): Promise<ShownRow> {
  let messages: ShownRow["messages"] = [];
  try {
    const row = await dataset.row(index);
    messages = row.conversation.messages.map(({ role, content }) => ({
      role,
      content: typeof content === "string"
        ? content
        : content.map((part) => part.type === "text" ? part.text : "<image>").join(""),
    }));
    const sample = await maker.make(row);
    const { ids, labels } = sample;
    const counts = { tokenCount: sample.tokens, labelCount: learnt(sample) };
    return {
      row: index,
      messages,
      images: sample.images.map(({ image, span }, i) => ({ ...image, name: row.imageNames?.[i], start: span.start })),
      ...(decode === undefined ? {} : {
        ...counts,
        tokens: Array.from(ids, (id, i) => ({ id, text: decode(id), label: labels[i]! })),
      }),
    };
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return { row: index, messages, images: [], problem: error.message };
  }
}

async function checkRows(
  dataset: Dataset,
  { maker, count, counted }: {
    readonly maker: SampleMaker<ImageFacts>;
    readonly count: number;
    readonly counted: boolean;
  },
): Promise<Summary> {
  const { length } = dataset;
  const checked = count === 0 ? length : Math.min(count, length);
  const tally = new Tally();
  for (let i = 0; i < checked; i++) {
    try {
      const sample = await maker.make(await dataset.row(Math.floor(i * length / checked)));
      tally.add({
        tokens: sample.tokens,
        labels: learnt(sample),
        images: sample.images.length,
        cut: sample.ids.length,
      });
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      tally.addProblem(error);
    }
  }
  return tally.summary({ file: dataset.name, rows: length, counted });
}

function learnt({ labels }: Sample<ImageFacts>): number {
  return labels.reduce((sum, label) => label === ignoredLabel ? sum : sum + 1, 0);
}
