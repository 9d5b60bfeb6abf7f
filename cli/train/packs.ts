/**
 * The packs of a run's data.
 *
 * @module
 */
import { type Dataset, DatasetError, type Row } from "../../data/datasets/mod.ts";
import { type PackPlan, PackPlanner } from "../../trainers/pack_plan.ts";
import { type RowOptions, sampleMaker, type SplitData } from "./rows.ts";

/** Packs of the rows to learn from and of those to test on. */
export interface SplitPacks {
  /** Packs for training. */
  readonly training: PackPlan;
  /** Packs for validation. */
  readonly validation: PackPlan;
  /** Most images of a pack. */
  readonly images: number;
}

/** Places all rows in packs. Every row is read and rendered once; images that have names are not read. */
export async function planSplit(data: SplitData, options: RowOptions): Promise<SplitPacks> {
  const training = await planPacks(data.training, options);
  const validation = await planPacks(data.validation, options);
  return { training, validation, images: Math.max(training.images, validation.images) };
}

/** How much of the packs is no padding: `97 %`. */
export function fullness({ packs, tokens }: PackPlan, room: number): string {
  return `${Math.round(100 * tokens / (packs.length * room))} %`;
}

async function planPacks(dataset: Dataset, options: RowOptions): Promise<PackPlan> {
  const { settings: { tokens, skipBadRows }, onSkip } = options;
  const maker = sampleMaker(options, { varies: false, readImage: () => Promise.resolve(undefined) });
  const planner = new PackPlanner({ tokens });
  for (let index = 0; index < dataset.length; index++) {
    try {
      const row = await dataset.row(index);
      const { ids, labels, spans } = maker.makeText(row);
      planner.add({ index, ids, labels, images: spans, imageKey: spans.length === 0 ? "" : await imageKey(row) });
    } catch (error) {
      if (!(error instanceof DatasetError && skipBadRows)) throw error;
      onSkip(error);
    }
  }
  return planner.finish();
}

/** The names of a row's images, or a digest where it holds their bytes. */
async function imageKey(row: Row): Promise<string> {
  if (row.imageNames !== undefined) return row.imageNames.join("\n");
  const digests = (await row.images()).map(async (bytes) => {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))).toHex();
  });
  return (await Promise.all(digests)).join("\n");
}
