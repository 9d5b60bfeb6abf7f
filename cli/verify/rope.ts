/**
 * Golden cases of rotary position tables, plain and stretched by YaRN.
 *
 * @module
 */
import { parseMiniMindOptions, ropeFrequencies, ropeTables } from "../../decoders/minimind/mod.ts";
import { type Check, same, within } from "./check.ts";
import { type Golden, readTensors } from "./golden.ts";
import { type CaseKind, hasKeys, isObject } from "./kind.ts";
import { rowsOf, sum } from "./statistics.ts";
import { tolerances } from "./tolerances.ts";

/** One table of a document. */
interface RopeCase {
  readonly dim: number;
  readonly args: {
    readonly end: number;
    readonly theta?: number;
    readonly rope_base?: number;
    readonly rope_scaling?: Readonly<Record<string, unknown>> | null;
  };
  readonly rows: readonly number[];
  readonly row1_angle?: readonly number[];
  readonly whole_table?: { readonly cos_sum: number; readonly sin_sum: number };
}

/** Largest difference of the mean of a whole table: errors of single entries cancel out. */
const meanTolerance = 1e-8;

/** Rotary position tables. */
export const ropeKind: CaseKind = {
  name: "rotary positions",
  recognises: (document) => hasKeys(document, "positions", "tables") && isObject(document["tables"]),
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const tables = golden.document["tables"] as Readonly<Record<string, RopeCase>>;
  const expected = await readTensors(golden, `${golden.stem}.safetensors`);
  if (expected.has("positions")) {
    const actual = golden.document["positions"] as readonly number[];
    yield same("positions", { actual, expected: expected.integers("positions") });
  }
  for (const [name, table] of Object.entries(tables)) {
    const { dim, args, rows, row1_angle: angles, whole_table: whole } = table;
    const options = parseMiniMindOptions({
      generation: 3,
      head_dim: dim,
      max_position_embeddings: args.end,
      rope_theta: args.theta ?? args.rope_base,
      rope_scaling: args.rope_scaling,
    });
    const { cos, sin } = ropeTables(options, args.end);
    for (const [part, values] of Object.entries({ cos, sin })) {
      const stage = `${name}.${part}`;
      const table = rowsOf(values, args.end);
      // Upstream's tables hold every angle twice, once for each half of a head.
      const actual = rows.flatMap((row) => [...table[row]!, ...table[row]!]);
      yield within(stage, { actual, expected: expected.floats(stage), tolerance: tolerances.rope });
      if (whole === undefined) continue;
      const mean = (total: number) => [total / (args.end * dim)];
      const total = part === "cos" ? whole.cos_sum : whole.sin_sum;
      yield within(`${stage}.mean`, { actual: mean(2 * sum(values)), expected: mean(total), tolerance: meanTolerance });
    }
    if (angles === undefined) continue;
    yield within(`${name}.angles`, { actual: ropeFrequencies(options), expected: angles, tolerance: tolerances.rope });
  }
  yield expected.allCompared();
}
