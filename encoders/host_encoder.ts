/**
 * An encoder around a runtime that does one thing at a time.
 *
 * @module
 */
import type { EncoderDescription, HostEncoder } from "../core/encoder.ts";
import type { FeatureLayout } from "./feature_layout.ts";

/** What {@link createHostEncoder} is made of. */
export interface HostParts extends Omit<EncoderDescription, "output"> {
  /** How the runtime's output becomes features. */
  readonly layout: FeatureLayout;
  /** Computes one image: pixels `[3,S,S]` → the output's numbers. Never called again before it is done. */
  compute(pixels: Float32Array): Promise<Float32Array>;
  /** Frees the runtime's memory. Called once. */
  release(): Promise<unknown>;
}

/** Puts an encoder together: images take turns in the order they come, and a failure does not stop the next ones. */
export function createHostEncoder({ name, pixels, layout, compute, release }: HostParts): HostEncoder {
  const { size } = pixels;
  let last: Promise<unknown> = Promise.resolve();
  let released: Promise<unknown> | undefined;
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  return {
    name,
    pixels,
    output: layout.grid,
    async run(image) {
      if (released !== undefined) throw new TypeError(`Cannot encode an image: encoder "${name}" is disposed of`);
      if (image.length !== 3 * size * size) {
        throw new RangeError(`Cannot encode an image: ${image.length} numbers, expected [3, ${size}, ${size}]`);
      }
      return layout.read(await inTurn(() => compute(image)));
    },
    async [Symbol.asyncDispose]() {
      await (released ??= inTurn(release));
    },
  };
}
