/**
 * The cases that training is measured on, the same numbers for every contender: MiniMind2-Small (26M parameters, f32),
 * two rows of 256 tokens, or two of its blocks and two rows of 64; every parameter of the decoder trained by AdamW after clipping to a global norm of 1.
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
} from "../../engine.ts";
import { drawFloats, drawIntegers } from "../../cli/verify/number_generator.ts";

/** What is trained on what. */
export interface TrainingCase {
  /** Architecture. */
  readonly options: MiniMindOptions;
  /** Rows B and tokens T of the batch. */
  readonly sizes: { readonly rows: number; readonly tokens: number; readonly images: 0 };
  /**
   * Whether the peer gets embeddings instead of ids, and so learns none by them: the gradient of its look-up does not
   * compile on WebGPU in Deno. Only its first loss is ours then, and it has less to do.
   */
  readonly embedded: boolean;
  /** Tokens of one step. */
  readonly tokensPerStep: number;
  /** The model; its projector takes no part. */
  readonly model: VisionLanguageModel;
}

/** The usual case: all blocks, two rows of 256 tokens. */
export const usual: TrainingCase = createCase({ layers: 8, tokens: 256, embedded: false });

/** Two blocks of the same and two rows of 64 tokens, for devices in software. */
export const small: TrainingCase = createCase({ layers: 2, tokens: 64, embedded: true });

/** AdamW's numbers: those of upstream's pretraining. */
export const adamw = { learningRate: 4e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 } as const;
/** Largest global norm of the gradients. */
export const clip = 1;

function createCase(
  { layers, tokens, embedded }: { readonly layers: number; readonly tokens: number; readonly embedded: boolean },
): TrainingCase {
  const options = parseMiniMindOptions({ generation: 2, num_hidden_layers: layers });
  const model = createModel({
    projector: createLinearProjector({ input: { tokens: 196, width: 768 }, width: options.hiddenSize }),
    decoder: createMiniMind(options),
    placeholder: { marker: 34, tokens: 196, match: "exact" },
  });
  return { options, sizes: { rows: 2, tokens, images: 0 }, embedded, tokensPerStep: 2 * tokens, model };
}

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
export function parameters({ model, sizes }: TrainingCase): Tensor[] {
  const graph = new Graph();
  const ids = graph.input("ids", "i32", [sizes.rows, sizes.tokens]);
  model.decoder.forward(graph, model.decoder.embed(graph, ids));
  model.decoder.head(graph);
  return [...graph.named.values()].filter(({ role }) => role === "parameter");
}

/** Fresh weights as upstream draws them (deviation 0.02, norms 1), each only when asked for: they count in no peak. */
export function freshWeights(given: TrainingCase): Map<string, SourceTensor> {
  return new Map(
    parameters(given).map(({ name, shape }, i) => {
      const count = elementCount(shape);
      const range = shape.length === 1 ? { amplitude: 0, center: 1 } : { amplitude: 0.02 * Math.sqrt(3) };
      return [name, { shape, toFloat32: () => drawFloats({ seed: 100 + i, count }, range) }];
    }),
  );
}

/** The batch: random ids, each token's target the next one. */
export function batch(
  { options, sizes }: TrainingCase,
  rows: number = sizes.rows,
): { ids: Int32Array; targets: Int32Array } {
  const { tokens } = sizes;
  const drawn = drawIntegers({ seed: 7, count: rows * (tokens + 1) }, { low: 5, high: options.vocabSize }); // [B,T+1]
  const part = (shift: number) =>
    Int32Array.from(
      { length: rows * tokens },
      (_, i) => drawn[Math.floor(i / tokens) * (tokens + 1) + i % tokens + shift]!,
    );
  return { ids: part(0), targets: part(1) };
}
