/**
 * Golden cases of the optimiser: AdamW after clipping by the global norm, step by step.
 *
 * @module
 */
import type { Backend, Program, Storage } from "../../core/backend.ts";
import { Graph, type Tensor } from "../../core/graph/mod.ts";
import { adamwSettings, planOptimiser } from "../../trainers/optimiser.ts";
import { type Check, within } from "./check.ts";
import { type Golden, type GoldenTensors, readTensors } from "./golden.ts";
import { type CaseKind, hasKeys, isObject, type VerifyContext } from "./kind.ts";
import { tolerances } from "./tolerances.ts";

/** A document of this kind. */
interface OptimiserDocument {
  readonly max_norm: number;
  readonly cases: Readonly<Record<string, OptimiserCase>>;
}

interface OptimiserCase {
  readonly lr: readonly number[];
  readonly norm_before_clip: readonly number[];
  readonly params: readonly string[];
}

/** AdamW. */
export const optimiserKind: CaseKind = {
  name: "optimiser",
  recognises: (document) => hasKeys(document, "optimizer", "cases") && isObject(document["cases"]),
  run,
};

async function* run(golden: Golden, context: VerifyContext): AsyncGenerator<Check> {
  const { max_norm, cases } = golden.document as unknown as OptimiserDocument;
  const tensors = await readTensors(golden, `${golden.name.split("/").at(-1)}.safetensors`);
  for (const [name, document] of Object.entries(cases)) {
    await using backend = await context.createBackend();
    yield* checkCase(backend, { name, document, limit: max_norm, tensors });
  }
  yield tensors.allCompared();
}

/** Every parameter after every step, and both moments after the last. */
async function* checkCase(
  backend: Backend,
  { name, document, limit, tensors }: {
    name: string;
    document: OptimiserCase;
    limit: number;
    tensors: GoldenTensors;
  },
): AsyncGenerator<Check> {
  const { params, lr, norm_before_clip } = document;
  const optimiser = load(backend, { name, params, tensors });
  using program = optimiser.program;
  const { storages, trained } = optimiser;
  program.write("limit", Float32Array.of(limit));
  const compare = async (part: string, storage: string) => {
    const [actual, expected] = [await backend.read(storages.get(storage)!), tensors.floats(`${name}.${part}`)];
    return within(`${name}.${part}`, { actual, expected, tolerance: tolerances.optimiser });
  };
  for (const [i, rate] of lr.entries()) {
    for (const parameter of trained) {
      const stored = `${name}.grad.${i}.${parameter.name}`;
      if (tensors.has(stored)) backend.write(storages.get(`gradient.${parameter.name}`)!, tensors.floats(stored));
    }
    program.write("settings.all", adamwSettings(rate, i + 1));
    program.run();
    const norm = Math.sqrt((await program.read("squares"))[0]!) / norm_before_clip[i]!;
    yield within(`${name}.norm.${i}`, { actual: [norm], expected: [1], tolerance: tolerances.trained.norm });
    for (const parameter of params) yield await compare(`after.${i}.${parameter}`, parameter);
  }
  for (const { name } of trained) {
    yield await compare(`exp_avg.${name}`, `mean.${name}`);
    yield await compare(`exp_avg_sq.${name}`, `variance.${name}`);
  }
}

/** The optimiser's program over the start values. A parameter without moments in the file has no gradient. */
function load(
  backend: Backend,
  { name, params, tensors }: { name: string; params: readonly string[]; tensors: GoldenTensors },
): { program: Program; storages: Map<string, Storage>; trained: Tensor[] } {
  const graph = new Graph();
  const start = new Map(params.map((parameter) => [parameter, tensors.take(`${name}.start.${parameter}`)]));
  const declared = [...start].map(([parameter, { shape }]) => {
    return shape.length > 1 ? graph.matrix(parameter, shape) : graph.parameter(parameter, shape);
  });
  const trained = declared.filter((parameter) => tensors.has(`${name}.exp_avg.${parameter.name}`));
  const plan = planOptimiser([{ name: "all", parameters: trained }]);
  const storages = new Map([...declared, ...plan.storages.values()].map((tensor) => [tensor.name, tensor]));
  const allocated = new Map([...storages].map(([name, tensor]) => [name, backend.alloc(tensor)]));
  for (const [parameter, tensor] of start) backend.write(allocated.get(parameter)!, tensor.toFloat32());
  return { program: backend.load(plan, allocated), storages: allocated, trained };
}
