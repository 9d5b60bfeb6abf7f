/**
 * The rows of a data file as a run learns them, and those kept for validation.
 *
 * @module
 */
import { ChatRenderer } from "../../data/chat/mod.ts";
import {
  type Dataset,
  DatasetError,
  type ImageReader,
  openDataset,
  type RandomAccess,
  SampleMaker,
  selectRows,
  splitRows,
} from "../../data/datasets/mod.ts";
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import { openImageFolder } from "../../sdk/image_folder.ts";
import type { PackPlan } from "../../trainers/pack_plan.ts";
import { packedRows } from "../../trainers/packed_rows.ts";
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

/** Bytes of parquet pages that are kept: the more, the farther apart rows may be that follow each other. */
const pageCache = 128 * 2 ** 20;

/** Finds the rows of an open data file. */
export async function openRows(
  file: RandomAccess,
  { data, images }: Pick<TrainSettings, "data" | "images">,
): Promise<Dataset> {
  const readImage = images === undefined ? undefined : openImageFolder(images);
  return await openDataset(file, { name: data, readImage, cacheBytes: pageCache });
}

/** Finds the rows of a run's open data file and splits them, unless the rows for validation have a file of their own. */
export async function splitData(
  file: RandomAccess,
  { settings, valFile }: { readonly settings: TrainSettings; readonly valFile?: RandomAccess | undefined },
): Promise<SplitData> {
  const { valData = "", images, valSplit, seed } = settings;
  const dataset = await openRows(file, settings);
  if (valFile !== undefined) {
    return { training: dataset, validation: await openRows(valFile, { data: valData, images }) };
  }
  const { training, validation } = splitRows(dataset.length, { fraction: valSplit, seed });
  return { training: selectRows(dataset, training), validation: selectRows(dataset, validation) };
}

/** Most images of a row. Rows that cannot be read are the error of who learns them. */
export async function mostImages(dataset: Dataset): Promise<number> {
  let most = 0;
  for (let i = 0; i < dataset.length; i++) {
    const row = await dataset.row(i).catch((error) => {
      if (!(error instanceof DatasetError)) throw error;
    });
    const messages = row?.conversation.messages ?? [];
    const parts = messages.flatMap(({ content }) => typeof content === "string" ? [] : content);
    most = Math.max(most, parts.filter(({ type }) => type === "image").length);
  }
  return most;
}

/** What makes samples of rows. */
export interface RowOptions {
  /** The model, for its tokenizer, template and placeholder. */
  readonly parts: ChatModelParts;
  /** The run, as far as it concerns rows. */
  readonly settings: Pick<TrainSettings, "tokens" | "seed" | "skipBadRows">;
  /** Told of every row that is left out. */
  readonly onSkip: (error: DatasetError) => void;
}

/** Makes samples with images as the step takes them. */
export function trainMaker(
  options: RowOptions & Pick<TrainRowsOptions, "images">,
  { varies }: Pick<TrainRowsOptions, "varies">,
): SampleMaker<Float32Array> {
  return sampleMaker(options, { varies, readImage: (file, { name }) => options.images.of(file, { name }) });
}

/** Options of {@link trainRows}. */
export interface TrainRowsOptions extends RowOptions {
  /** Images as the step takes them. */
  readonly images: Pick<PreparedImages, "of">;
  /** Whether rows vary from epoch to epoch as upstream's minimind-3v data does; those in packs never do. */
  readonly varies: boolean;
  /** The packs that rows are in. Default each is one of its own. */
  readonly packs?: PackPlan | undefined;
}

/** Rows as samples with their images, or packs of them. */
export function trainRows(dataset: Dataset, options: TrainRowsOptions): RowSource {
  const { settings, packs, varies, onSkip } = options;
  const maker = trainMaker(options, { varies: varies && packs === undefined });
  const rows: RowSource = {
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
  return packs === undefined ? rows : packedRows(rows, packs);
}

/** Makes samples as the model has its conversations. */
export function sampleMaker<Image>(
  { parts: { tokenizer, template, model }, settings }: RowOptions,
  { varies, readImage }: { readonly varies: boolean; readonly readImage: ImageReader<Image> },
): SampleMaker<Image> {
  const exact = model.placeholder.match === "exact";
  const renderer = new ChatRenderer({
    tokenizer,
    template,
    placeholder: model.placeholder,
    labels: exact ? "token" : "newline",
  });
  return new SampleMaker({
    renderer,
    maxTokens: settings.tokens,
    readImage,
    ...(varies && !exact ? {} : { variation: false }),
  });
}
