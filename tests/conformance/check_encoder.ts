/**
 * What every vision encoder must keep, on the graph or outside it.
 *
 * @module
 */
import type { Backend } from "../../core/backend.ts";
import { type HostEncoder, isGraphEncoder, type VisionEncoder } from "../../core/encoder.ts";
import { noise } from "./case.ts";
import { checkMap } from "./check_map.ts";
import { checkFinite, checkIgnores, checkSizes, type PartCheckOptions, refuse, sameNumbers } from "./part_run.ts";

/**
 * Checks an encoder: it gives the grid that it declares in finite numbers, sees the image, gives the same again, and
 * keeps the images of a batch, or of runs at the same time, apart. One that is not on the graph stays open.
 *
 * @throws {Error} naming the encoder and what is wrong
 */
export async function checkEncoder(
  encoder: VisionEncoder,
  backend: Backend,
  options: PartCheckOptions = {},
): Promise<void> {
  const { name, pixels: { size, mean, std, fit, filter }, output: { tokens, width } } = encoder;
  const part = `encoder "${name}"`;
  if (name === "") refuse(part, "it has no name");
  checkSizes(part, { "pixels.size": size, "output.tokens": tokens, "output.width": width });
  const channels = (values: readonly number[], fine: (value: number) => boolean) =>
    values.length === 3 && values.every((value) => Number.isFinite(value) && fine(value));
  if (!channels(mean, () => true)) refuse(part, `pixels.mean is ${mean}, expected three numbers`);
  if (!channels(std, (value) => value > 0)) refuse(part, `pixels.std is ${std}, expected three numbers above 0`);
  if (![undefined, "crop", "stretch"].includes(fit)) refuse(part, `pixels.fit is "${fit}"`);
  if (![undefined, "bicubic", "bilinear"].includes(filter)) refuse(part, `pixels.filter is "${filter}"`);
  if (!isGraphEncoder(encoder)) return await checkHostEncoder(encoder, part);
  const build = encoder.encode.bind(encoder);
  const graph = await checkMap({ part, input: [3, size, size], output: [tokens, width], build }, backend, options);
  checkIgnores(part, graph, encoder.ignores);
}

async function checkHostEncoder(encoder: HostEncoder, part: string): Promise<void> {
  const { pixels: { size }, output: { tokens, width } } = encoder;
  const [a, b] = [noise("first image", 3 * size * size), noise("second image", 3 * size * size)];
  const before = a.slice();
  const first = await encoder.run(a);
  if (first.length !== tokens * width) {
    refuse(part, `it gives ${first.length} numbers, expected ${tokens} times ${width}`);
  }
  checkFinite(part, first, "its output");
  const kept = first.slice();
  const second = await encoder.run(b);
  if (!sameNumbers(a, before)) refuse(part, "it changes the pixels it is given");
  if (!sameNumbers(first, kept)) refuse(part, "a run changes what the run before it gave");
  if (sameNumbers(first, second)) refuse(part, "it gives the same for two images");
  const [again, beside] = await Promise.all([encoder.run(a), encoder.run(b)]);
  if (!sameNumbers(again, first) || !sameNumbers(beside, second)) {
    refuse(part, "it gives other numbers when two images are encoded at once");
  }
  const refused = await encoder.run(a.subarray(1)).then(() => false, () => true);
  if (!refused) refuse(part, `it takes ${a.length - 1} numbers for an image of ${a.length}`);
}
