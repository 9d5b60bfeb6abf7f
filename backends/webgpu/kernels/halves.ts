/**
 * Numbers rounded to f16, for products that read them many times.
 *
 * @module
 */
import type { Dispatch, Lowering, Value } from "../kernel.ts";
import { elementOf, groupsFor, shader } from "../shader.ts";

/** A value in f16 and the dispatch that makes it; the value itself and none where it is in f16 already. */
export function inHalves(
  x: Value,
  { scratch }: Pick<Lowering, "scratch">,
): { readonly halves: Value; readonly dispatches: readonly Dispatch[] } {
  if (x.dtype === "f16") return { halves: x, dispatches: [] };
  const { place } = scratch(Math.ceil(x.count / 2));
  const halves: Value = { ...x, dtype: "f16", place };
  const four = x.count % 4 === 0, count = four ? x.count / 4 : x.count;
  const type = elementOf(halves, four);
  const dispatch = shader({
    reads: { x },
    writes: { halves },
    types: { x: elementOf(x, four), halves: type },
    sizes: { count },
    groups: groupsFor(count),
    body: ({ x, halves }) => `if (i < p.count) { ${halves}[i] = ${type}(${x}[i]); }`,
  });
  return { halves, dispatches: [dispatch] };
}
