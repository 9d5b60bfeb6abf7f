/**
 * What the `sample` kernel does, in words and numbers that every backend shares.
 *
 * `presencePenalty`, `frequencyPenalty`, `noRepeatNgramSize` and `logitBias` are added to the logits before, by
 * `core/logit_bias.ts`.
 *
 * Per row, in this order: repetition penalty (Keskar et al. 2019) on every id with seen ≠ 0, where positive
 * logits are divided by it and others multiplied; temperature; top-k (ties of the k-th kept); softmax over
 * what is left; top-p (Holtzman et al. 2020: an id stays while the likelier ones sum to at most p, the lower
 * id counting as likelier on a tie); min-p (ids below minP · the largest probability go). What stays is
 * normalised, and the id is drawn by walking the vocabulary in order until the running sum exceeds
 * {@link uniform}. Temperature 0 takes the largest logit, the lower id on a tie, and gives it probability 1.
 *
 * @module
 */

/** Sampling settings of one sequence. */
export interface SamplingOptions {
  /** Divides the logits; 0 is greedy. Default 0. */
  readonly temperature?: number | undefined;
  /** Keeps the k likeliest ids; 0 keeps all. Default 0. */
  readonly topK?: number | undefined;
  /** Keeps the likeliest ids up to this mass; 1 keeps all. Default 1. */
  readonly topP?: number | undefined;
  /** Drops ids less likely than this share of the likeliest; 0 keeps all. Default 0. */
  readonly minP?: number | undefined;
  /** Above 1, makes ids of the prompt and the answer less likely. Default 1. */
  readonly repetitionPenalty?: number | undefined;
  /** Taken from the logit of every id that the answer has, from −2 to 2. Default 0. */
  readonly presencePenalty?: number | undefined;
  /** Taken from the logit of an id each time that the answer has it, from −2 to 2. Default 0. */
  readonly frequencyPenalty?: number | undefined;
  /** Lets no sequence of so many ids come twice in the answer; 0 lets all. Default 0. */
  readonly noRepeatNgramSize?: number | undefined;
  /** Added to the logits of ids, from −100 to 100 each. Default none. */
  readonly logitBias?: Readonly<Record<number, number>> | undefined;
  /** Start of the generator, an integer. Default 0. */
  readonly seed?: number | undefined;
}

/**
 * The five numbers of a row of the kernel's `settings`: temperature, top-k, top-p, min-p, repetition penalty.
 *
 * @throws {RangeError} if a setting is outside its range, those of the logits' bias among them
 */
export function samplingSettings(options: SamplingOptions = {}): Float32Array {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const { presencePenalty = 0, frequencyPenalty = 0, noRepeatNgramSize = 0 } = options;
  const check = (name: string, value: number, fine: boolean, range: string) => {
    if (!fine) throw new RangeError(`Cannot sample with ${name} ${value}: it must be ${range}`);
  };
  check("temperature", temperature, temperature >= 0 && Number.isFinite(temperature), "0 or more");
  check("topK", topK, Number.isInteger(topK) && topK >= 0, "a whole number, 0 or more");
  check("topP", topP, topP > 0 && topP <= 1, "above 0 and at most 1");
  check("minP", minP, minP >= 0 && minP <= 1, "from 0 to 1");
  check("repetitionPenalty", repetitionPenalty, repetitionPenalty > 0, "above 0");
  check("presencePenalty", presencePenalty, Math.abs(presencePenalty) <= 2, "from -2 to 2");
  check("frequencyPenalty", frequencyPenalty, Math.abs(frequencyPenalty) <= 2, "from -2 to 2");
  const whole = Number.isInteger(noRepeatNgramSize) && noRepeatNgramSize >= 0;
  check("noRepeatNgramSize", noRepeatNgramSize, whole, "a whole number, 0 or more");
  return new Float32Array([temperature, topK, topP, minP, repetitionPenalty]);
}

/** Bit 0 of a `seen` entry: the id stands in the prompt. */
export const seenInPrompt = 1;

/** What one generated occurrence adds to a `seen` entry. */
export const seenGenerated = 2;

/** A 32-bit mix with low bias (Wellons, "lowbias32"). */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0xd35a2d97);
  return x ^ (x >>> 15);
}

/** Counter-based generator: draw `counter` of stream `seed`, uniform in 0…1 with 24 bits. Exact in f32. */
export function uniform(seed: number, counter: number): number {
  return (mix((mix(seed) + Math.imul(counter + 1, 0x9e3779b9)) | 0) >>> 8) / 2 ** 24;
}
