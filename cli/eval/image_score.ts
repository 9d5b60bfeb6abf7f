/**
 * Whether a model looks: how much more the right answers surprise it beside the wrong image.
 *
 * @module
 */
import { ChatRenderer, labelIds } from "../../data/chat/mod.ts";
import type { ImageSource } from "../../data/image/mod.ts";
import type { VisionLanguageModel } from "../../core/model.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import { Evaluation } from "../../trainers/evaluation.ts";
import { rowBatches, type TrainRow } from "../../trainers/row_batches.ts";
import { apart } from "./exchange.ts";
import type { EvalRecord } from "./records.ts";

/** Losses of right answers. */
export interface ImageScore {
  /** Records they were measured on. */
  readonly records: number;
  /** Mean cross-entropy of a token beside its own image, in nats. */
  readonly loss: number;
  /** The same beside an image that belongs to another record. */
  readonly exchanged: number;
  /** How much the loss rises: 0 for a model that does not look. */
  readonly rise: number;
}

/** What the score is measured with. */
export interface ImageScoreOptions {
  /** The model. */
  readonly model: ChatModel;
  /** Reads the image of a record. */
  readonly readImage: (record: EvalRecord) => Promise<ImageSource>;
  /** Records at most; those taken are chosen at random, the same for the same file. */
  readonly limit: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Rows of a batch. */
const batchRows = 8;

/** Measures the loss of each record's first reference. Undefined where there are not two images to exchange. */
export async function imageScore(
  records: readonly EvalRecord[],
  { model: chat, readImage, limit, signal }: ImageScoreOptions,
): Promise<ImageScore | undefined> {
  const chosen = apart(records).slice(0, limit).map((index) => records[index]!);
  if (new Set(chosen.map(({ image }) => image)).size < 2) return undefined;
  const { backend, weights, model, tokenizer, template } = chat.parts;
  const exact = model.placeholder.match === "exact";
  const format = { tokenizer, template, placeholder: model.placeholder };
  const renderer = new ChatRenderer({ ...format, labels: exact ? "token" : "newline" });
  const render = ({ prompt, references: [answer] }: EvalRecord) =>
    renderer.render([
      { role: "user", content: [{ type: "image" }, { type: "text", text: prompt }] },
      { role: "assistant", content: answer! },
    ]);
  const longest = Math.max(...chosen.map((record) => render(record).ids.length));
  const sizes = { rows: batchRows, tokens: Math.ceil(longest / 16) * 16, images: batchRows };
  const row = async (index: number): Promise<TrainRow> => {
    const record = chosen[index]!;
    const rendered = render(record);
    const image = await chat.embedImage(await readImage(record), { signal });
    return { ids: rendered.ids, labels: labelIds(rendered), images: [{ span: rendered.images[0]!, image }] };
  };
  const { tokens, width } = model.projector.output;
  const imageInput = { kind: "features", shape: [tokens, width], tokens } as const;
  using evaluation = new Evaluation(backend, afterProjector(model), { weights, sizes, imageInput });
  const padding = tokenizer.control.pad?.id ?? 0;
  const batches = rowBatches({ length: chosen.length, row }, { sizes, imageInput, padding });
  const { loss, imageScore: rise } = await evaluation.validate(batches, { signal });
  return rise === undefined ? undefined : { records: chosen.length, loss, exchanged: loss + rise, rise };
}

/** The model for images that are embeddings already, as a chat keeps them. */
function afterProjector(model: VisionLanguageModel): VisionLanguageModel {
  const { output } = model.projector;
  return { ...model, projector: { input: output, output, project: (_graph, embeddings) => embeddings } };
}
