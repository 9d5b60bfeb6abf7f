/**
 * The case that training is measured on, the same numbers for every contender: MiniMind2-Small (26M parameters, f32),
 * two rows of 256 tokens, every parameter of the decoder trained by AdamW after clipping to a global norm of 1.
 *
 * @module
 */
import {
  createLinearProjector,
  createMiniMind,
  createModel,
  elementCount,
  Graph,
  type MiniMindOptions,
  parseMiniMindOptions,
  type SourceTensor,
  type Tensor,
  type VisionLanguageModel,
} from "../../mod.ts";
import { drawFloats, drawIntegers } from "../../cli/verify/number_generator.ts";

/** Architecture. */
export const options: MiniMindOptions = parseMiniMindOptions({ generation: 2 });
/** Rows B and tokens T of the batch. */
export const sizes = { rows: 2, tokens: 256, images: 0 } as const;
/** Tokens of one step. */
export const tokensPerStep = sizes.rows * sizes.tokens;
/** AdamW's numbers: those of upstream's pretraining. */
export const adamw = { learningRate: 4e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 } as const;
/** Largest global norm of the gradients. */
export const clip = 1;

/** The model; its projector takes no part. */
export const model: VisionLanguageModel = createModel({
  projector: createLinearProjector({ input: { tokens: 196, width: 768 }, width: options.hiddenSize }),
  decoder: createMiniMind(options),
  placeholder: { marker: 34, tokens: 196, match: "exact" },
});

/** One who trains the model. */
export interface Trainer {
  /** Name in the tables. */
  readonly name: string;
  /** One whole step, waited for; gives the loss before the update. */
  step(): Promise<number>;
  /** Frees what it holds. */
  dispose(): Promise<void>;
}

/** The decoder's parameters in the order of the graph. */
export function parameters(): Tensor[] {
  const graph = new Graph();
  const ids = graph.input("ids", "i32", [sizes.rows, sizes.tokens]);
  model.decoder.forward(graph, model.decoder.embed(graph, ids));
  model.decoder.head(graph);
  return [...graph.named.values()].filter(({ role }) => role === "parameter");
}

/** Fresh weights as upstream draws them (deviation 0.02, norms 1), each only when asked for: they count in no peak. */
export function freshWeights(): Map<string, SourceTensor> {
  return new Map(
    parameters().map(({ name, shape }, i) => {
      const count = elementCount(shape);
      const range = shape.length === 1 ? { amplitude: 0, center: 1 } : { amplitude: 0.02 * Math.sqrt(3) };
      return [name, { shape, toFloat32: () => drawFloats({ seed: 100 + i, count }, range) }];
    }),
  );
}

/** The batch: random ids, each token's target the next one. */
export function batch(rows: number = sizes.rows): { ids: Int32Array; targets: Int32Array } {
  const { tokens } = sizes;
  const drawn = drawIntegers({ seed: 7, count: rows * (tokens + 1) }, { low: 5, high: options.vocabSize }); // [B,T+1]
  const part = (shift: number) =>
    Int32Array.from(
      { length: rows * tokens },
      (_, i) => drawn[Math.floor(i / tokens) * (tokens + 1) + i % tokens + shift]!,
    );
  return { ids: part(0), targets: part(1) };
}
