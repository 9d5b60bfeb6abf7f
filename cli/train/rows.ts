/**
 * The rows of a data file as a run learns them, and those kept for validation.
 *
 * @module
 */
import { ChatRenderer } from "../../data/chat/mod.ts";
import {
  type Dataset,
  DatasetError,
  openDataset,
  type RandomAccess,
  SampleMaker,
  selectRows,
  splitRows,
} from "../../data/datasets/mod.ts";
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import { openImageFolder } from "../../sdk/image_folder.ts";
import type { PreparedImages } from "../../trainers/prepared_images.ts";
import type { RowSource } from "../../trainers/row_batches.ts";
import type { TrainSettings } from "./settings.ts";

/** Rows to learn from and rows to test on. */
export interface SplitData {
  /** Rows for training. */
  readonly training: Dataset;
  /** Rows for validation; empty where none are kept. */
  readonly validation: Dataset;
}

/** Finds the rows of an open data file. */
export async function openRows(
  file: RandomAccess,
  { data, images }: Pick<TrainSettings, "data" | "images">,
): Promise<Dataset> {
  const readImage = images === undefined ? undefined : openImageFolder(images);
  return await openDataset(file, { name: data, readImage });
}

/** Finds the rows of a run's open data file and splits them. */
export async function splitData(file: RandomAccess, settings: TrainSettings): Promise<SplitData> {
  const { valSplit, seed } = settings;
  const dataset = await openRows(file, settings);
  const { training, validation } = splitRows(dataset.length, { fraction: valSplit, seed });
  return { training: selectRows(dataset, training), validation: selectRows(dataset, validation) };
}

/** Most images of a row. */
export async function mostImages({ length, row }: Dataset): Promise<number> {
  let most = 0;
  for (let i = 0; i < length; i++) {
    const { conversation } = await row(i);
    const parts = conversation.messages.flatMap(({ content }) => typeof content === "string" ? [] : content);
    most = Math.max(most, parts.filter(({ type }) => type === "image").length);
  }
  return most;
}

/** Options of {@link trainRows}. */
export interface TrainRowsOptions {
  /** The model, for its tokenizer, template and placeholder. */
  readonly parts: ChatModelParts;
  /** The run, as far as it concerns rows. */
  readonly settings: Pick<TrainSettings, "tokens" | "seed" | "skipBadRows">;
  /** Images as the step takes them. */
  readonly images: Pick<PreparedImages, "of">;
  /** Whether rows vary from epoch to epoch as upstream's minimind-3v data does. */
  readonly varies: boolean;
  /** Told of every row that is left out. */
  readonly onSkip: (error: DatasetError) => void;
}

/** Rows as samples with their images. */
export function trainRows(dataset: Dataset, options: TrainRowsOptions): RowSource {
  const { parts: { tokenizer, template, model }, settings, images, varies, onSkip } = options;
  const exact = model.placeholder.match === "exact";
  const renderer = new ChatRenderer({
    tokenizer,
    template,
    placeholder: model.placeholder,
    labels: exact ? "token" : "newline",
  });
  const maker = new SampleMaker<Float32Array>({
    renderer,
    maxTokens: settings.tokens,
    readImage: (file) => images.of(file),
    ...(varies && !exact ? {} : { variation: false }),
  });
  return {
    length: dataset.length,
    async row(index, epoch) {
      try {
        return await maker.make(await dataset.row(index), { seed: settings.seed + epoch });
      } catch (error) {
        if (!(error instanceof DatasetError && settings.skipBadRows)) throw error;
        onSkip(error);
        return undefined;
      }
    },
  };
}
