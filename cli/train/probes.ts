/**
 * Fixed prompts that a model answers now and then while it learns.
 *
 * @module
 */
import { createGenerator } from "../../core/generate.ts";
import { ImageEncoder } from "../../core/image_encoder.ts";
import { StreamingDecoder } from "../../core/tokenizer.ts";
import { type ChatMessage, ChatRenderer, imageIndex } from "../../data/chat/mod.ts";
import { type Dataset, DatasetError, type Row, withImagesApart } from "../../data/datasets/mod.ts";
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import type { ImageInput } from "../../trainers/image_input.ts";
import type { SampleRecord } from "../../trainers/metrics.ts";
import type { PreparedImages } from "../../trainers/prepared_images.ts";

/** A prompt, its images and what the data answers. */
export interface Probe {
  /** The messages before the first answer. */
  readonly messages: readonly ChatMessage[];
  /** Its image files. */
  readonly images: readonly Uint8Array[];
  /** The answer of the data. */
  readonly expected: string;
}

/** Which probes to take. */
export interface ProbeOptions {
  /** How many at most. */
  readonly count: number;
  /** Makes a sample of a row, or throws a `DatasetError`; rows that cannot be learnt are no probes. */
  readonly make: (row: Row) => Promise<unknown>;
}

/** The first answers of rows that are spread over the data: neighbours may be about one image. */
export async function takeProbes(dataset: Dataset, { count, make }: ProbeOptions): Promise<Probe[]> {
  const probes: Probe[] = [];
  const step = Math.max(1, Math.floor(dataset.length / count));
  for (let i = 0; i < dataset.length && probes.length < count; i += step) {
    const found = await readRow(dataset, { index: i, make });
    if (found === undefined) continue;
    const { row, images } = found;
    const messages = row.conversation.messages.map(withImagesApart);
    const end = messages.findIndex(({ role }) => role === "assistant");
    if (end < 1) continue;
    const prompt = messages.slice(0, end);
    probes.push({ messages: prompt, images: images.slice(0, countImages(prompt)), expected: textOf(messages[end]!) });
  }
  return probes;
}

/** A row that can be learnt, and its images; its error is that of who learns it. */
async function readRow(
  dataset: Dataset,
  { index, make }: Pick<ProbeOptions, "make"> & { readonly index: number },
): Promise<{ readonly row: Row; readonly images: readonly Uint8Array[] } | undefined> {
  try {
    const row = await dataset.row(index);
    await make(row);
    return { row, images: await row.images() };
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return undefined;
  }
}

/** Options of {@link answerProbes}. */
export interface AnswerOptions {
  /** The model with its parameters as they are now. */
  readonly parts: ChatModelParts;
  /** Images as the step takes them. */
  readonly images: PreparedImages;
  /** How it takes them. */
  readonly imageInput: ImageInput;
  /** Batches done, for the records. */
  readonly batches: number;
}

/** Answers greedily, at most 64 ids each. Nothing of an earlier time is reused, for the parameters have changed. */
export async function answerProbes(probes: readonly Probe[], options: AnswerOptions): Promise<SampleRecord[]> {
  const { parts: { backend, model, weights, tokenizer, template, context }, images: prepared, imageInput, batches } =
    options;
  const { placeholder, encoder } = model;
  const renderer = new ChatRenderer({ tokenizer, template, placeholder });
  using generator = createGenerator(backend, model, { weights, context: Math.min(context, 1024) });
  // Features are known already, so only the projector is run.
  const known = { name: "features", pixels: encoder!.pixels, output: model.projector.input };
  const run = (values: Float32Array) => Promise.resolve(values);
  const host = { ...known, run, [Symbol.asyncDispose]: () => Promise.resolve() };
  const taken = imageInput.kind === "pixels" ? model : { ...model, encoder: host };
  using embedder = new ImageEncoder(backend, taken, { weights });
  const records: SampleRecord[] = [];
  for (const [i, { messages, images, expected }] of probes.entries()) {
    const rendered = renderer.render(messages, { addGenerationPrompt: true, imageSeparator: "" });
    const embeddings: Float32Array[] = [];
    for (const image of images) embeddings.push(await embedder.encode(await prepared.of(image)));
    const decoder = new StreamingDecoder(tokenizer);
    let text = "";
    const room = generator.context - rendered.ids.length;
    if (room > 0) {
      const answer = generator.generate({
        ids: rendered.ids,
        images: embeddings,
        index: imageIndex(rendered, placeholder),
        maxNewTokens: Math.min(64, room),
        stopIds: tokenizer.control.eos === undefined ? [] : [tokenizer.control.eos.id],
      });
      for await (const id of answer) text += decoder.push(id);
    }
    const prompt = messages.map(textOf).join("\n");
    records.push({ type: "sample", batches, probe: i, prompt, expected, text: text + decoder.flush() });
  }
  return records;
}

function countImages(messages: readonly ChatMessage[]): number {
  return messages.flatMap(({ content }) => typeof content === "string" ? [] : content)
    .filter(({ type }) => type === "image").length;
}

function textOf({ content }: ChatMessage): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.type === "text" ? part.text : "<image>").join("");
}
