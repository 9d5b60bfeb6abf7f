/**
 * Another image for each record: what tells an answer that looked from one that did not.
 *
 * @module
 */
import { epochOrder } from "../../data/datasets/mod.ts";
import type { EvalRecord } from "./records.ts";

/**
 * Numbers of the records in an order in which neighbours show different images, as far as there are such: images in a
 * random order that is the same for the same seed, one record of each, then the next record of each.
 */
export function apart(records: readonly Pick<EvalRecord, "image">[], { seed = 42 } = {}): number[] {
  const byImage = Map.groupBy(records.keys(), (index) => records[index]!.image);
  const images = [...byImage.values()];
  const shuffled = [...epochOrder(images.length, { seed })].map((place) => images[place]!);
  const most = Math.max(0, ...images.map(({ length }) => length));
  return Array.from({ length: most }, (_, round) => shuffled.flatMap((of) => of[round] ?? [])).flat();
}

/**
 * For each record the number of one about another image, its neighbour {@link apart}; −1 where all are about one image.
 */
export function exchange(records: readonly Pick<EvalRecord, "image">[], options: { seed?: number } = {}): number[] {
  const order = apart(records, options);
  const others = new Array<number>(records.length).fill(-1);
  order.forEach((index, place) => {
    for (let step = 1; step < order.length; step++) {
      const other = order[(place + step) % order.length]!;
      if (records[other]!.image === records[index]!.image) continue;
      others[index] = other;
      break;
    }
  });
  return others;
}
