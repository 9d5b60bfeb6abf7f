/**
 * Kernels that treat every element on its own: one thread for four of them, or one where they do not come in fours.
 *
 * @module
 */
import type { Dispatch, Value } from "../kernel.ts";
import { groupsFor, type Names, shader, type ShaderSpec } from "../shader.ts";
import type { Lanes } from "../wgsl.ts";

/** A kernel's own part, without what {@link each} knows. */
export interface EachSpec<Read extends string, Write extends string>
  extends Pick<ShaderSpec<Read, Write>, "reads" | "writes" | "sizes" | "factors"> {
  /** Number of elements. */
  readonly count: number;
  /** Counts that have to come in fours as well; those of all operands by default. */
  readonly head?: ((lanes: Lanes) => string) | undefined;
  /** Statements for element `i`, of type `lanes`. */
  readonly body: (names: Names<Read | Write>, lanes: Lanes) => string;
}

/** One thread for each element, or each four; `i` is below `p.count`. */
export function each<Read extends string, Write extends string>(spec: EachSpec<Read, Write>): Dispatch {
  const { reads, writes, count, body, head } = spec;
  const values = { ...reads, ...writes } as Record<string, Value | undefined>;
  const floats = Object.entries(values).filter(([, value]) => value?.dtype === "f32");
  const four = count % 4 === 0 && floats.every(([, value]) => value!.count % 4 === 0);
  const lanes = four ? "vec4f" : "f32";
  const threads = four ? count / 4 : count;
  return shader({
    reads,
    writes,
    types: Object.fromEntries(floats.map(([name]) => [name, lanes])) as ShaderSpec<Read, Write>["types"],
    sizes: { ...spec.sizes, count: threads },
    factors: spec.factors,
    groups: groupsFor(threads),
    head: () => head?.(lanes) ?? "",
    body: (names) => `if (i >= p.count) { return; }\n${body(names, lanes)}`,
  });
}
