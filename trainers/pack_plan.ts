/**
 * Which rows of a data set share a row of a batch. Rows about the same images that follow each other become one
 * sequence, their common beginning once and the rest of each behind it; sequences that fit side by side share a row.
 *
 * @module
 */

/** What has to be known of a row to place it. */
export interface PackableRow {
  /** Number of the row. */
  readonly index: number;
  /** Token ids, `[T]`. */
  readonly ids: Int32Array;
  /** The ids where they are to be learnt, negative elsewhere, `[T]`; not shifted. */
  readonly labels: Int32Array;
  /** Positions of its images' markers. */
  readonly images: readonly { readonly start: number; readonly length: number }[];
  /** The same for rows with the same images in the same order, and only for them. */
  readonly imageKey: string;
}

/** Rows that share a beginning. */
export interface PackedSequence {
  /** Their numbers. */
  readonly rows: readonly number[];
  /** Ids that they share, all images among them or none. */
  readonly prefix: number;
}

/** Sequences that share a row of a batch. */
export type Pack = readonly PackedSequence[];

/** All packs of a data set. */
export interface PackPlan {
  /** The packs, each of which fits into a row. */
  readonly packs: readonly Pack[];
  /** Rows in them. */
  readonly rows: number;
  /** Ids in them. */
  readonly tokens: number;
  /** Most images of a pack. */
  readonly images: number;
}

/** Packs that are kept open for what fits into them. */
const openPacks = 16;

/** A sequence that rows are added to. */
interface Draft {
  readonly first: PackableRow;
  readonly rows: number[];
  prefix: number;
  /** Ids of all rows, each counted whole. */
  whole: number;
}

/** A pack that sequences are added to. */
interface Open {
  readonly sequences: PackedSequence[];
  tokens: number;
  images: number;
}

/** Places rows as they come; the same rows give the same plan. */
export class PackPlanner {
  readonly #room: number;
  readonly #packs: Pack[] = [];
  #open: Open[] = [];
  #draft: Draft | undefined;
  #counts = { rows: 0, tokens: 0, images: 0 };

  /** Makes packs of at most `tokens` ids. */
  constructor({ tokens }: { readonly tokens: number }) {
    this.#room = tokens;
  }

  /**
   * Places a row.
   *
   * @throws {RangeError} if it has more ids than a pack
   */
  add(row: PackableRow): void {
    const { ids, index } = row;
    if (ids.length > this.#room) {
      throw new RangeError(`Cannot pack row ${index}: it has ${ids.length} ids, a pack has room for ${this.#room}`);
    }
    this.#counts.rows++;
    if (this.#draft !== undefined && this.#extend(this.#draft, row)) return;
    this.#close();
    this.#draft = { first: row, rows: [index], prefix: 0, whole: ids.length };
  }

  /** The plan of all rows so far. */
  finish(): PackPlan {
    this.#close();
    this.#packs.push(...this.#open.map(({ sequences }) => sequences));
    this.#open = [];
    return { packs: [...this.#packs], ...this.#counts };
  }

  /** Adds a row to a sequence if it shares all images with it, or there are none, and fits. */
  #extend(draft: Draft, row: PackableRow): boolean {
    const { first, rows } = draft;
    if (first.imageKey !== row.imageKey) return false;
    const shared = sharedIds(first, row);
    const prefix = rows.length === 1 ? shared : Math.min(shared, draft.prefix);
    if ([...first.images, ...row.images].some(({ start, length }) => start + length > prefix)) return false;
    const whole = draft.whole + row.ids.length;
    if (whole - rows.length * prefix > this.#room) return false;
    draft.rows.push(row.index);
    Object.assign(draft, { prefix, whole });
    return true;
  }

  /** Puts the sequence into the first pack with room for it. */
  #close(): void {
    const draft = this.#draft;
    if (draft === undefined) return;
    const { rows, prefix, whole, first } = draft;
    const tokens = whole - (rows.length - 1) * prefix;
    let pack = this.#open.find((open) => open.tokens + tokens <= this.#room);
    if (pack === undefined) {
      this.#open.push(pack = { sequences: [], tokens: 0, images: 0 });
      if (this.#open.length > openPacks) this.#packs.push(this.#open.shift()!.sequences);
    }
    pack.sequences.push({ rows, prefix });
    pack.tokens += tokens;
    pack.images += first.images.length;
    this.#counts.tokens += tokens;
    this.#counts.images = Math.max(this.#counts.images, pack.images);
    this.#draft = undefined;
  }
}

/**
 * How many ids two rows may share: those that are the same, up to the id before the first one that either is to learn,
 * which predicts that one.
 */
function sharedIds(a: PackableRow, b: PackableRow): number {
  const learnt = (row: PackableRow) => row.labels.findIndex((label, i) => i > 0 && label >= 0);
  const end = Math.min(a.ids.length, b.ids.length, ...[learnt(a), learnt(b)].map((at) => at < 0 ? Infinity : at - 1));
  let count = 0;
  while (count < end && a.ids[count] === b.ids[count]) count++;
  return count;
}
