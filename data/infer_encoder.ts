/**
 * Which vision encoder a checkpoint holds, told by the names and shapes of its tensors.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { formatShape } from "../core/graph/tensor.ts";

/** A vision encoder in a checkpoint. */
export interface InferredEncoder {
  /** Its architecture. */
  readonly kind: "clip" | "siglip" | "tiny";
  /** A complete `config.json` of its vision part: the given one and what the shapes say. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Two parts of a checkpoint. */
export interface SplitTensors<T> {
  /** Decoder and projector. */
  readonly model: ReadonlyMap<string, T>;
  /** The vision encoder, its names as in a checkpoint of its own; absent if there is none. */
  readonly encoder?: ReadonlyMap<string, T> | undefined;
}

/** Names that checkpoints of whole models give a vision encoder. */
const fronts = /^(model\.)?vision_encoder\./;

/** Takes the vision encoder out of a checkpoint that includes one, under `vision_encoder.`. */
export function splitEncoder<T>(tensors: ReadonlyMap<string, T>): SplitTensors<T> {
  const inside = [...tensors].filter(([name]) => fronts.test(name));
  if (inside.length === 0) return { model: tensors };
  return {
    model: new Map([...tensors].filter(([name]) => !fronts.test(name))),
    encoder: new Map(inside.map(([name, tensor]) => [name.replace(fronts, ""), tensor])),
  };
}

/** Width of a head in the base and large models of both kinds. */
const usualHeadDim = 64;

/**
 * Infers kind and sizes of a CLIP, SigLIP or tiny vision encoder, alone or within the whole model.
 *
 * Shapes leave open the number of heads: the config says it, or heads are 64 wide. Nor do they tell the strides of a
 * tiny encoder's stem, which the config must say.
 *
 * @throws {WeightError} naming what cannot be told, or what contradicts the config
 */
export function inferEncoder(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  config: unknown = {},
): InferredEncoder {
  const shapeOf = (name: string) => (tensors.get(`vision_model.${name}`) ?? tensors.get(name))?.shape;
  const need = (name: string, rank: number): readonly number[] => {
    const shape = shapeOf(name);
    if (shape === undefined) throw fail(`it has no "vision_model.${name}"`);
    if (shape.length !== rank) throw fail(`"${name}" is ${formatShape(shape)}, expected ${rank} dimensions`);
    return shape;
  };
  const given = visionConfig(config);
  const isTiny = shapeOf("stem.0.0.conv.weight") !== undefined;
  const classToken = shapeOf("embeddings.class_embedding") !== undefined;
  const kind = isTiny ? "tiny" : classToken ? "clip" : "siglip";
  const patchSize = isTiny ? stridesProduct(given) : squarePatch(need("embeddings.patch_embedding.weight", 4));
  const [positions, hiddenSize] = need("embeddings.position_embedding.weight", 2);
  const edge = Math.sqrt(positions! - (classToken ? 1 : 0)); // which has a position too
  if (!Number.isInteger(edge)) throw fail(`${positions} positions do not make a square of patches`);
  const layers = [...tensors.keys()].map((name) => /^(?:vision_model\.)?encoder\.layers\.(\d+)\./.exec(name)?.[1]);
  const projection = tensors.get("visual_projection.weight")?.shape[0];
  const facts: Readonly<Record<string, number>> = {
    image_size: edge * patchSize,
    patch_size: patchSize,
    hidden_size: hiddenSize!,
    num_hidden_layers: new Set(layers.filter((layer) => layer !== undefined)).size,
    intermediate_size: need("encoder.layers.0.mlp.fc1.weight", 2)[0]!,
    ...(projection === undefined ? {} : { projection_dim: projection }),
  };
  for (const [key, fact] of Object.entries(facts)) {
    const claim = given[key] ?? fact;
    if (claim !== fact) throw fail(`its config says ${key} is ${JSON.stringify(claim)}, its tensors say ${fact}`);
  }
  const heads = given["num_attention_heads"] ?? hiddenSize! / usualHeadDim;
  if (!Number.isInteger(heads)) {
    throw fail(`a width of ${hiddenSize} is not a multiple of 64, and no config says its heads`);
  }
  return { kind, config: { ...given, ...facts, num_attention_heads: heads } };
}

/** Edge of the patches that a matrix [out, colours, edge, edge] takes in. */
function squarePatch([, channels, height, width]: readonly number[]): number {
  if (channels !== 3 || height !== width) throw fail("its patches are not square and of three colours");
  return height!;
}

/** Edge of the patches that a tiny encoder's stem makes. */
function stridesProduct({ stem_strides: strides }: Readonly<Record<string, unknown>>): number {
  const product = Array.isArray(strides) ? strides.reduce((product, stride) => product * stride, 1) : NaN;
  if (!Number.isSafeInteger(product)) throw fail("its config does not say the strides of its stem, stem_strides");
  return product;
}

/** The vision part of a config, with the width of the shared space that the whole one may have. */
function visionConfig(config: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(config)) throw fail("its config.json is not an object");
  const vision = config["vision_config"];
  if (!isRecord(vision)) return config;
  return { ...vision, ...("projection_dim" in config ? { projection_dim: config["projection_dim"] } : {}) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fail(problem: string): WeightError {
  return new WeightError(`Cannot infer the vision encoder: ${problem}`);
}
