/**
 * Tables of every parameter of the published models: names, shapes, totals.
 *
 * @module
 */
import { elementCount } from "../../core/graph/mod.ts";
import { planParameters } from "../../core/model_plans.ts";
import { createCaseModel } from "./case_model.ts";
import { type Check, same } from "./check.ts";
import type { Golden } from "./golden.ts";
import { type CaseKind, hasKeys, isObject } from "./kind.ts";
import { parameterLines, tensorLine } from "./weight_manifest.ts";

/** One model of a document. */
interface ParameterTable {
  readonly config: Readonly<Record<string, unknown>>;
  readonly total: number;
  readonly language_model: number;
  readonly vision_proj: number;
  readonly tensors: readonly (readonly [name: string, shape: readonly number[]])[];
  /** Tensors of a checkpoint, a tied pair twice. */
  readonly state_dict_keys: number;
}

/** Parameter tables. */
export const parameterTableKind: CaseKind = {
  name: "parameter table",
  recognises: (document) => {
    const tables = Object.values(document);
    return tables.length > 0 &&
      tables.every((table) => isObject(table) && hasKeys(table, "config", "total", "tensors"));
  },
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  for (const [name, table] of Object.entries(golden.document)) {
    yield* await Promise.resolve(checkTable(name, table as unknown as ParameterTable));
  }
}

function* checkTable(name: string, table: ParameterTable): Generator<Check> {
  const tensors = table.tensors.map(([name, shape]) => ({ name, shape }));
  // Neither is in a document, and no weight depends on them.
  const model = createCaseModel({ config: table.config, tensors, imageTokens: 1, marker: 0 });
  const plan = planParameters(model);
  const parameters = [...plan.storages.values()].filter(({ role }) => role === "parameter");
  const projector = parameters.filter(({ name }) => name.startsWith("vision_proj."))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const total = plan.parameterBytes / 4;
  yield same(`${name}.tensors`, { actual: parameterLines(plan), expected: tensors.map(tensorLine).sort() });
  yield same(`${name}.totals`, {
    actual: [total, total - projector, projector, parameters.length + model.decoder.tied.length],
    expected: [table.total, table.language_model, table.vision_proj, table.state_dict_keys],
  });
}
