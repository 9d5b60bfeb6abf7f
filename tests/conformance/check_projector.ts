/**
 * What every projector must keep.
 *
 * @module
 */
import type { Backend } from "../../core/backend.ts";
import type { Projector } from "../../core/projector.ts";
import { checkMap } from "./check_map.ts";
import { checkSizes, type PartCheckOptions } from "./part_run.ts";

/**
 * Checks a projector: it takes and gives the grids that it declares in finite numbers, sees the features, gives the
 * same again, and keeps the images of a batch apart.
 *
 * @throws {Error} naming what is wrong
 */
export async function checkProjector(
  projector: Projector,
  backend: Backend,
  options: PartCheckOptions = {},
): Promise<void> {
  const { input, output } = projector;
  const part = "projector";
  checkSizes(part, { "input.tokens": input.tokens, "input.width": input.width });
  checkSizes(part, { "output.tokens": output.tokens, "output.width": output.width });
  const build = projector.project.bind(projector);
  const extents = { input: [input.tokens, input.width], output: [output.tokens, output.width] };
  await checkMap({ part, ...extents, build }, backend, options);
}
