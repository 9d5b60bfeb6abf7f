/**
 * The released models by their sizes, the tensors that such sizes make, and which model a checkpoint is nearest to.
 *
 * @module
 */
import { elementCount, formatShape, sameShape } from "../core/graph/tensor.ts";

/** Shapes of tensors by name. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** The experts of a mixture. */
export interface ExpertSizes {
  /** Routed experts. */
  readonly routed: number;
  /** Experts that every token goes through. */
  readonly shared: number;
  /** Width of an expert. */
  readonly intermediateSize: number;
}

/** A projector of image features. */
export interface ProjectorSizes {
  /** `linear` (MiniMind2-V) or `mlp` (minimind-3v). */
  readonly kind: "linear" | "mlp";
  /** Width of the features it takes. */
  readonly featureWidth: number;
}

/** The sizes that decide which tensors a MiniMind(-V) checkpoint has. */
export interface ModelSizes {
  /** 2 or 3; generation 3 has RMSNorm on queries and keys. */
  readonly generation: 2 | 3;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Number of blocks. */
  readonly numHiddenLayers: number;
  /** Query heads. */
  readonly numAttentionHeads: number;
  /** Key/value heads. */
  readonly numKeyValueHeads: number;
  /** Width of a head. */
  readonly headDim: number;
  /** Feed-forward width of a dense model. */
  readonly intermediateSize: number;
  /** Vocabulary size. */
  readonly vocabSize: number;
  /** Experts; a dense model has none. */
  readonly experts?: ExpertSizes | undefined;
  /** Projector; a plain language model has none. */
  readonly projector?: ProjectorSizes | undefined;
}

const second: Omit<ModelSizes, "hiddenSize" | "headDim" | "intermediateSize"> = {
  generation: 2,
  numHiddenLayers: 8,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  vocabSize: 6400,
  projector: { kind: "linear", featureWidth: 768 },
};

const third: ModelSizes = {
  generation: 3,
  hiddenSize: 768,
  numHiddenLayers: 8,
  numAttentionHeads: 8,
  numKeyValueHeads: 4,
  headDim: 96,
  intermediateSize: 2432,
  vocabSize: 6400,
  projector: { kind: "mlp", featureWidth: 768 },
};

/** The released models. */
export const knownModels: Readonly<Record<string, ModelSizes>> = {
  "minimind2-small-v": { ...second, hiddenSize: 512, headDim: 64, intermediateSize: 1408 },
  "minimind2-v": { ...second, hiddenSize: 768, numHiddenLayers: 16, headDim: 96, intermediateSize: 2048 },
  "minimind2-moe-v": {
    ...second,
    hiddenSize: 640,
    headDim: 80,
    intermediateSize: 1728,
    experts: { routed: 4, shared: 1, intermediateSize: 1728 },
  },
  "minimind-3v": third,
  "minimind-3v-moe": { ...third, experts: { routed: 4, shared: 0, intermediateSize: 2432 } },
};

/** The tensors of a model, the tied head left out. */
export function shapesOf(sizes: ModelSizes): Map<string, readonly number[]> {
  const { hiddenSize: D, numAttentionHeads: H, numKeyValueHeads: G, headDim: C } = sizes;
  const shapes = new Map<string, readonly number[]>([["model.embed_tokens.weight", [sizes.vocabSize, D]]]);
  for (let layer = 0; layer < sizes.numHiddenLayers; layer++) {
    const add = (name: string, shape: readonly number[]) => shapes.set(`model.layers.${layer}.${name}.weight`, shape);
    const feedForward = (name: string, F: number) => {
      add(`${name}.gate_proj`, [F, D]);
      add(`${name}.down_proj`, [D, F]);
      add(`${name}.up_proj`, [F, D]);
    };
    add("self_attn.q_proj", [H * C, D]);
    add("self_attn.k_proj", [G * C, D]);
    add("self_attn.v_proj", [G * C, D]);
    add("self_attn.o_proj", [D, H * C]);
    if (sizes.generation === 3) ["self_attn.q_norm", "self_attn.k_norm"].forEach((name) => add(name, [C]));
    add("input_layernorm", [D]);
    add("post_attention_layernorm", [D]);
    if (sizes.experts === undefined) feedForward("mlp", sizes.intermediateSize);
    else {
      const { routed, shared, intermediateSize } = sizes.experts;
      add("mlp.gate", [routed, D]);
      for (let e = 0; e < routed; e++) feedForward(`mlp.experts.${e}`, intermediateSize);
      for (let e = 0; e < shared; e++) feedForward(`mlp.shared_experts.${e}`, intermediateSize);
    }
  }
  shapes.set("model.norm.weight", [D]);
  for (const [name, shape] of projectorShapes(sizes)) shapes.set(`vision_proj.${name}`, shape);
  return shapes;
}

function projectorShapes({ hiddenSize: D, projector }: ModelSizes): [string, readonly number[]][] {
  if (projector === undefined) return [];
  const { kind, featureWidth: C } = projector;
  if (kind === "linear") return [["vision_proj.0.weight", [D, C]], ["vision_proj.0.bias", [D]]];
  return [
    ["mlp.0.weight", [C]],
    ["mlp.0.bias", [C]],
    ["mlp.1.weight", [D, C]],
    ["mlp.1.bias", [D]],
    ["mlp.3.weight", [D, D]],
    ["mlp.3.bias", [D]],
  ];
}

/** How two sets of tensors differ, in words; empty if they do not. */
export function differences(actual: Shapes, expected: Shapes): string[] {
  const missing = [...expected].filter(([name]) => !actual.has(name));
  const extra = [...actual].filter(([name]) => !expected.has(name));
  const odd = [...actual].filter(([name, shape]) => expected.has(name) && !sameShape(shape, expected.get(name)!));
  const shown = ([name, shape]: readonly [string, readonly number[]]) =>
    `${JSON.stringify(name)} ${formatShape(shape)}`;
  return [
    ...odd.map(([name, shape]) => `${shown([name, shape])} should be ${formatShape(expected.get(name)!)}`),
    ...missing.map((tensor) => `${shown(tensor)} is missing`),
    ...extra.map((tensor) => `${shown(tensor)} should not be there`),
  ];
}

/** A known model and how far a checkpoint is from it. */
export interface NearestModel {
  /** Name of the known model. */
  readonly name: string;
  /** From 0, no name in common, to 1, all names and shapes equal. */
  readonly likeness: number;
  /** How the checkpoint differs, in words, one tensor each. */
  readonly differences: readonly string[];
}

/** The released model whose tensors are most like the given ones. A name of another shape counts half. */
export function nearestModel(shapes: Shapes): NearestModel {
  const models = Object.entries(knownModels).map(([name, sizes]) => {
    const expected = shapesOf(sizes);
    const both = [...shapes].filter(([tensor]) => expected.has(tensor));
    const points = both.map(([tensor, shape]) => sameShape(shape, expected.get(tensor)!) ? 1 : 0.5);
    const union = shapes.size + expected.size - both.length;
    const likeness = points.reduce<number>((sum, point) => sum + point, 0) / union;
    return { name, likeness, differences: differences(shapes, expected) };
  });
  return models.reduce((best, model) => model.likeness > best.likeness ? model : best);
}

/** The nearest model in one sentence, for messages. */
export function describeNearest(shapes: Shapes): string {
  const { name, likeness, differences } = nearestModel(shapes);
  if (likeness === 0) return "it has no tensor in common with any known model";
  if (differences.length === 0) return `it has the tensors of "${name}"`;
  return `the nearest known model is "${name}", from which it differs in ${listed(differences, 3)}`;
}

/** The first few of a list, and how many more there are. */
export function listed(items: readonly string[], shown: number): string {
  const rest = items.length > shown ? ` and ${items.length - shown} more` : "";
  return items.slice(0, shown).join(", ") + rest;
}

/** Numbers in all tensors together. */
export function countParameters(shapes: Shapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + elementCount(shape), 0);
}
