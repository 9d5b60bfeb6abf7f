/**
 * `minimind data encode`: features of the images of a data set, computed once by a frozen encoder and kept by content,
 * so that training neither decodes nor encodes an image.
 *
 * @module
 */
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import { openRandomAccess } from "../../sdk/random_access.ts";
import { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import type { PreparedCounts } from "../../trainers/prepared_images.ts";
import { type FlagValues, parseFlags } from "../flags.ts";
import { Interrupted, interruptedCode, Interrupts } from "../interrupts.ts";
import { modelFlags, requestModel } from "../model_flags.ts";
import { openModel } from "../open_model.ts";
import { note, stderr } from "../terminal.ts";
import { prepareFeatures } from "../train/images.ts";
import { openRows, trainRows } from "../train/rows.ts";
import { SkippedRows } from "../train/skipped_rows.ts";
import { encodeLine, encodeSummary, type FeatureTimes } from "./encode_text.ts";

/** Flags of `data encode`, for {@link parseFlags}. */
export const encodeFlags = {
  images: {
    type: "string",
    value: "DIR",
    aliases: ["image-dir", "images-path"],
    summary: "The folder that images are named in",
  },
  "feature-cache": {
    type: "string",
    value: "DIR",
    aliases: ["out"],
    summary: "Where features go; train has a flag of the same name",
  },
  "on-bad-row": {
    type: "string",
    value: "error|skip",
    summary: "What a row that cannot be learnt does (default error)",
  },
  ...modelFlags,
} as const;

/** Images that the gain is measured with. */
const measured = 8;

/** Runs it and resolves to the exit code. What was encoded before Ctrl-C is kept. */
export async function encode(args: readonly string[]): Promise<number> {
  const { flags, positional: [file, ...others] } = parseFlags(args, encodeFlags);
  if (file === undefined || others.length > 0) throw new TypeError("Cannot encode: name one file");
  const { "feature-cache": folder, "on-bad-row": badRows = "error" } = flags;
  if (folder === undefined) throw new TypeError("Cannot encode: name a folder for the features with --feature-cache");
  if (badRows !== "error" && badRows !== "skip") {
    throw new TypeError(`Cannot read flag "--on-bad-row": "${badRows}" is neither error nor skip`);
  }
  using interrupts = new Interrupts();
  try {
    await interrupts.during((signal) => encodeFile({ file, folder, skipBadRows: badRows === "skip", flags, signal }));
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return interruptedCode;
  }
}

/** What is encoded, and where to. */
interface Job {
  readonly file: string;
  readonly folder: string;
  readonly skipBadRows: boolean;
  readonly flags: FlagValues<typeof encodeFlags>;
  readonly signal: AbortSignal;
}

async function encodeFile({ file, folder, skipBadRows, flags, signal }: Job): Promise<void> {
  await using data = await openRandomAccess(file);
  const dataset = await openRows(data, { data: file, images: flags.images });
  const { model } = await openModel(await requestModel(flags), { flags, signal });
  await using _ = model;
  const { parts } = model;
  using encoder = new FeatureEncoder(parts.backend, parts.model.encoder!, { weights: parts.weights });
  const images = await prepareFeatures(parts, { encoder, folder });
  const examples: Uint8Array[] = [];
  const collect: typeof images.of = (image, context) => {
    if (examples.length < measured) examples.push(image);
    return images.of(image, context);
  };
  const skipped = new SkippedRows((line) => {
    clearLine();
    note(line);
  });
  const rows = trainRows(dataset, {
    parts,
    images: { of: collect },
    settings: { tokens: 2 ** 30, seed: 0, skipBadRows }, // no image is cut off
    varies: false,
    onSkip: (error) => skipped.add(error),
  });
  const start = performance.now();
  let shown = stderr.isTerminal ? -Infinity : start;
  for (let i = 0; i < rows.length; i++) {
    signal.throwIfAborted();
    await rows.row(i, 0);
    const now = performance.now();
    if (now - shown < (stderr.isTerminal ? 100 : 10_000)) continue;
    shown = now;
    const line = encodeLine({ done: i + 1, rows: rows.length, images: total(images.counts), ms: now - start });
    stderr.write(stderr.isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  }
  clearLine();
  const times = await measure(examples, { parts, encoder, folder });
  const { tokens, width } = parts.model.projector.input;
  const bytes = 4 * tokens * width;
  note(encodeSummary({ rows: rows.length, skipped: skipped.summary(), counts: images.counts, bytes, folder, times }));
}

function clearLine(): void {
  if (stderr.isTerminal) stderr.write("\r\x1b[K");
}

/** Images so far, each time that one comes up. */
function total({ prepared, kept, remembered }: PreparedCounts): number {
  return prepared + kept + remembered;
}

/** How long features take with and without a place where they are kept, by turns; undefined where there is no image. */
async function measure(
  examples: readonly Uint8Array[],
  { parts, encoder, folder }: {
    readonly parts: ChatModelParts;
    readonly encoder: FeatureEncoder;
    readonly folder: string;
  },
): Promise<FeatureTimes | undefined> {
  if (examples.length === 0) return undefined;
  const kept = await prepareFeatures(parts, { encoder, folder });
  const fresh = await prepareFeatures(parts, { encoder, folder: undefined });
  const times: { find: number[]; encode: number[] } = { find: [], encode: [] };
  for (const image of examples) {
    times.find.push(await timed(() => kept.of(image)));
    times.encode.push(await timed(() => fresh.of(image)));
  }
  return { find: median(times.find), encode: median(times.encode) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
