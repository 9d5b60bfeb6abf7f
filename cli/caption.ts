/**
 * `minimind caption`: many images to lines of JSON, to be stopped and gone on with at any time.
 *
 * @module
 */
import type { ChatModel } from "../sdk/chat_model.ts";
import type { ChatOptions, Message } from "../core/chat_events.ts";
import { captionFile, type CaptionOutput, type CaptionRecord, captionStdout } from "./caption/output.ts";
import type { Command } from "./command.ts";
import { findImages } from "./find_images.ts";
import { count, parseFlags } from "./flags.ts";
import { inOrder } from "./in_order.ts";
import { Interrupted, interruptedCode, Interrupts } from "./interrupts.ts";
import { modelFlags, requestModel } from "./model_flags.ts";
import { openModel } from "./open_model.ts";
import { formatFlags, responseFormat } from "./response_format.ts";
import { chatOptions, samplingFlags } from "./sampling_flags.ts";
import { upstreamFlags, withUpstreamFiles } from "./upstream_files.ts";
import { errorLine, note, stderr, styled } from "./terminal.ts";

const flags = {
  out: { type: "string", value: "FILE", aliases: ["o"], summary: "Writes to this file, and goes on where it ends" },
  prompt: { type: "string", value: "TEXT", aliases: ["p"], summary: "What is asked about each image" },
  system: { type: "string", value: "TEXT", summary: "Tells the model this before all else" },
  "batch-size": { type: "number", value: "N", aliases: ["b", "parallel"], summary: "Images at once (default 4)" },
  recursive: { type: "boolean", aliases: ["r"], summary: "Also takes the images of folders inside" },
  quiet: { type: "boolean", aliases: ["q"], summary: "Says nothing but errors" },
  ...modelFlags,
  ...upstreamFlags,
  ...samplingFlags,
  ...formatFlags,
} as const;

/** Captions the images of a folder. */
export const captionCommand: Command = {
  name: "caption",
  summary: "Caption all images of a folder, as lines of JSON",
  usage: "DIR [MODEL]",
  flags,
  examples: [
    "caption photos --out captions.jsonl",
    "caption photos minimind-3v --out captions.jsonl --prompt 'One sentence, please' --recursive",
    "caption photos ./my-model --temperature 0 > captions.jsonl",
  ],
  run,
};

/** What a run came to. */
interface Counts {
  captioned: number;
  failed: number;
}

async function run(args: readonly string[]): Promise<number> {
  const { flags: given, positional: [folder, ...named] } = parseFlags(args, flags);
  if (folder === undefined) throw new TypeError("Cannot caption: name a folder of images");
  const { values, positional: rest } = await withUpstreamFiles({ values: given, positional: named });
  const { prompt = "Describe this image in detail.", system, quiet } = values;
  const options = { ...chatOptions(values), ...await responseFormat(values) };
  const batch = count(values, "batch-size") ?? 4;
  const request = await requestModel(values, { positional: rest });
  const found = await findImages(folder, { recursive: values.recursive });
  if (found.length === 0) throw new TypeError(`Cannot caption "${folder}": it has no images`);
  using output = values.out === undefined ? captionStdout() : await captionFile(values.out);
  const files = found.filter((file) => !output.done.has(file));
  const counts: Counts = { captioned: 0, failed: 0 };
  const start = performance.now();
  using interrupts = new Interrupts();
  try {
    if (files.length > 0) {
      await interrupts.during(async (signal) => {
        const conversations = batch * (options.beams ?? 1);
        const { model } = await openModel(request, { flags: values, conversations, quiet, signal });
        await using _ = model;
        // Seeds are fixed, so that an image's caption does not depend on where a run was stopped.
        const chat = { ...options, seed: options.seed ?? 0, signal };
        await captionAll(files, { model, folder, prompt, system, chat, batch, output, counts, quiet });
      });
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    say(counts, { skipped: found.length - files.length, left: files.length - counts.captioned - counts.failed, start });
    return interruptedCode;
  }
  if (!quiet) say(counts, { skipped: found.length - files.length, left: 0, start });
  return counts.failed > 0 ? 1 : 0;
}

/** What captions are made with. */
interface Work {
  readonly model: ChatModel;
  readonly folder: string;
  readonly prompt: string;
  readonly system: string | undefined;
  readonly chat: ChatOptions;
  readonly batch: number;
  readonly output: CaptionOutput;
  readonly counts: Counts;
  readonly quiet: boolean;
}

async function captionAll(files: readonly string[], work: Work): Promise<void> {
  const { batch, counts, output, quiet } = work;
  const start = performance.now();
  let done = 0;
  const show = () => {
    if (quiet || !stderr.isTerminal) return;
    const rate = done === 0 ? "" : `  ${((performance.now() - start) / done / 1000).toFixed(1)} s an image`;
    stderr.write(`\r\x1b[K${done} of ${files.length}${rate}`);
  };
  show();
  // Twice as many as answer at once: the next images are decoded and encoded while those before them are described.
  for await (const record of inOrder(files, { width: 2 * batch, work: (file) => caption(file, work) })) {
    output.write(record);
    done++;
    if ("error" in record) {
      counts.failed++;
      if (stderr.isTerminal) stderr.write("\r\x1b[K");
      note(styled(errorLine(record.error), "red", stderr));
    } else counts.captioned++;
    show();
  }
  if (!quiet && stderr.isTerminal) stderr.write("\r\x1b[K");
}

/** Captions one image. What is wrong with it is its record; anything that would meet all images is thrown. */
async function caption(file: string, { model, folder, prompt, system, chat }: Work): Promise<CaptionRecord> {
  const messages: Message[] = [
    ...system === undefined ? [] : [{ role: "system", content: system } as const],
    { role: "user", content: [{ type: "image", image: `${folder}/${file}` }, { type: "text", text: prompt }] },
  ];
  try {
    for await (const event of model.chat(messages, chat)) {
      if (event.type !== "finish") continue;
      const { text, reason, usage, timings } = event;
      return { file, text, reason, usage, timings };
    }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ImageError") throw error;
    return { file, error: error.message };
  }
  throw new Error(`Cannot caption "${file}": the model ended without an answer`);
}

function say(
  { captioned, failed }: Counts,
  { skipped, left, start }: { readonly skipped: number; readonly left: number; readonly start: number },
): void {
  const parts = [
    `captioned ${captioned}`,
    ...skipped > 0 ? [`${skipped} were done before`] : [],
    ...failed > 0 ? [`${failed} failed`] : [],
    ...left > 0 ? [`${left} are left`] : [],
  ];
  note(`${parts.join(", ")}, in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
