/**
 * Learns a byte-level BPE vocabulary: the most frequent pair of neighbours becomes a token, again and again (Sennrich et
 * al. 2016). Counts are changed where a merge changes them and never taken anew.
 *
 * @module
 */
import { byteCharacters } from "./byte_level.ts";
import { PairCounts } from "./pair_counts.ts";

/** Options of {@link trainBpe}. */
export interface TrainBpeOptions {
  /** Tokens of the whole vocabulary: added ones, the 256 bytes, and merges up to this number. */
  readonly vocabularySize: number;
  /** Texts of the tokens that come first, with the ids from 0. Default none. */
  readonly added?: readonly string[] | undefined;
  /** How often a pair has to occur to become a token. Default 1, as Hugging Face's trainer has it. */
  readonly minFrequency?: number | undefined;
}

/** What was learnt. */
export interface TrainedBpe {
  /** Id of every token: added ones, bytes in the order of their characters, then merges. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Pairs of tokens that are joined, the first ones first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Tokens that all words take, each as often as it occurs. */
  readonly tokens: number;
}

/** A word as the tokens it consists of so far. */
interface Word {
  ids: number[];
  readonly count: number;
}

/**
 * Learns merges from words in the byte-level alphabet and how often each occurs. Of pairs that occur equally often the
 * one with the smaller ids is first, as in Hugging Face's trainer, so both learn the same. Fewer tokens than
 * asked for are learnt where no pair is frequent enough.
 *
 * @throws {RangeError} if the vocabulary has no room for the bytes and added tokens, or an added token is there twice
 */
export function trainBpe(
  words: Iterable<readonly [word: string, count: number]>,
  { vocabularySize, added = [], minFrequency = 1 }: TrainBpeOptions,
): TrainedBpe {
  const texts = [...added, ...byteCharacters.toSorted()]; // [V] by id
  const ids = new Map(texts.map((text, id) => [text, id]));
  if (!Number.isInteger(vocabularySize) || vocabularySize < texts.length || vocabularySize > 2 ** 20) {
    throw new RangeError(
      `Cannot train a vocabulary of ${vocabularySize} tokens: ${texts.length} are bytes and added tokens, the limit is ${
        2 ** 20
      }`,
    );
  }
  const twice = added.find((text, id) => ids.get(text) !== id);
  if (twice !== undefined) throw new RangeError(`Cannot add "${twice}": there is such a token already`);

  const counts = new PairCounts();
  const all = Array.from(words, ([text, count]): Word => ({ ids: Array.from(text, (c) => ids.get(c)!), count }));
  all.forEach(({ ids, count }, word) => {
    for (let i = 0; i + 1 < ids.length; i++) counts.add(ids[i]!, ids[i + 1]!, { count, word });
  });

  const merges = new Map<string, readonly [string, string]>();
  while (texts.length < vocabularySize) {
    const pair = counts.take();
    if (pair === undefined || pair.count < Math.max(1, minFrequency)) break;
    const { first, second } = pair;
    const [left, right] = [texts[first]!, texts[second]!];
    // Two ways may lead to one token: it keeps its id. No text that is only typed may become an added one.
    const id = ids.get(left + right) ?? texts.length;
    if (id < added.length) continue;
    if (id === texts.length) {
      texts.push(left + right);
      ids.set(left + right, id);
    }
    merges.set(`${left} ${right}`, [left, right]);
    for (const word of pair.words) merge(all[word]!, { word, first, second, id, counts });
    counts.drop(pair);
  }
  const tokens = all.reduce((sum, { ids, count }) => sum + ids.length * count, 0);
  return { vocab: ids, merges: [...merges.values()], tokens };
}

/** Joins a pair wherever it stands in a word, from left to right, and keeps the counts of its neighbours right. */
function merge(
  target: Word,
  { word, first, second, id, counts }: {
    readonly word: number;
    readonly first: number;
    readonly second: number;
    readonly id: number;
    readonly counts: PairCounts;
  },
): void {
  const { ids, count } = target;
  const merged: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] !== first || ids[i + 1] !== second) {
      merged.push(ids[i]!);
      continue;
    }
    const [before, after] = [merged.at(-1), ids[i + 2]];
    if (before !== undefined) {
      counts.add(before, first, { count: -count, word });
      counts.add(before, id, { count, word });
    }
    if (after !== undefined) {
      counts.add(second, after, { count: -count, word });
      counts.add(id, after, { count, word });
    }
    merged.push(id);
    i++;
  }
  target.ids = merged;
}
