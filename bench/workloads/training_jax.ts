/**
 * The same training step in jax-js: the model in `jax.numpy`, AdamW by hand, all of it one `jit`.
 *
 * The loss picks the target by comparing with 0 … V−1, because the gradient of `takeAlongAxis` fails under `jit`; AdamW is
 * written out because `@jax-js/optax` is not on npm. Weights stay `[out,in]`: stored the other way round it is no faster.
 *
 * @module
 */
import { elementCount, ropeTables } from "../../engine.ts";
import type { Jax, JaxArray, JaxArrays } from "../peers/jax_js.ts";
import { adamw, batch, clip, freshWeights, type Trainer, type TrainingCase, usual } from "./training_case.ts";

const embedding = "model.embed_tokens.weight";

/** What a step learns from. */
type Examples = { ids?: JaxArray; embedded?: JaxArray; targets: JaxArray; cos: JaxArray; sin: JaxArray };
/** What AdamW keeps of each parameter. */
type Moments = { mean: JaxArrays; variance: JaxArrays };
/** Bias corrections of a step. */
type Corrections = { rate: JaxArray; root: JaxArray };

/** Puts fresh weights on jax-js and traces the step. */
export function trainJax(jax: Jax, name: string, given: TrainingCase = usual): Trainer {
  const { numpy: np } = jax;
  const step = jax.jit((parameters: JaxArrays, moments: Moments, examples: Examples, corrections: Corrections) => {
    const kept = mapArrays(parameters, (parameter) => parameter.ref);
    const [value, gradients] = jax.valueAndGrad((weights: JaxArrays, examples: Examples) =>
      loss(jax, given, { weights, examples })
    )(
      kept,
      examples,
    );
    return [value, ...update(jax, { parameters, gradients, moments, corrections })] as const;
  });
  let parameters: JaxArrays = {};
  for (const [key, { shape, toFloat32 }] of freshWeights(given)) parameters[key] = np.array(toFloat32(), { shape });
  const zeros = () => mapArrays(parameters, ({ shape }) => np.array(new Float32Array(elementCount(shape)), { shape }));
  let moments: Moments = { mean: zeros(), variance: zeros() };
  const examples = exampleArrays(jax, given);
  let steps = 0;
  return {
    name,
    async step() {
      steps++;
      const shape = [1];
      const corrections = {
        rate: np.array(new Float32Array([adamw.learningRate / (1 - adamw.beta1 ** steps)]), { shape }),
        root: np.array(new Float32Array([Math.sqrt(1 - adamw.beta2 ** steps)]), { shape }),
      };
      const [value, ...next] = step(
        parameters,
        moments,
        mapArrays(examples, ({ ref }) => ref) as Examples,
        corrections,
      );
      [parameters, moments] = next;
      await jax.blockUntilReady([parameters, moments]);
      return (await value.data())[0]!;
    },
    dispose() {
      for (const arrays of [parameters, moments.mean, moments.variance, examples]) {
        for (const array of Object.values(arrays)) array.dispose();
      }
      return Promise.resolve();
    },
  };
}

function exampleArrays({ numpy: np }: Jax, given: TrainingCase): Examples {
  const { options: { headDim: C }, sizes: { rows: B, tokens: T } } = given;
  const { ids, targets } = batch(given);
  const { cos, sin } = ropeTables(given.options, T);
  const table = (values: Float32Array) => np.array(values, { shape: [T, 1, C / 2] });
  return {
    ...given.embedded ? { embedded: embed(np, given) } : { ids: np.array(ids, { shape: [B, T], dtype: np.int32 }) },
    targets: np.array(targets, { shape: [B * T, 1], dtype: np.int32 }),
    cos: table(cos),
    sin: table(sin),
  };
}

/** The batch's embeddings `[B,T,D]`, as fresh weights give them. */
function embed(np: Jax["numpy"], given: TrainingCase): JaxArray {
  const { options: { hiddenSize: D }, sizes: { rows: B, tokens: T } } = given;
  const table = freshWeights(given).get(embedding)!.toFloat32();
  const all = Float32Array.from([...batch(given).ids].flatMap((id) => [...table.subarray(id * D, (id + 1) * D)]));
  return np.array(all, { shape: [B, T, D] });
}

/** Mean cross-entropy of the batch. */
function loss(
  jax: Jax,
  { options, sizes: { rows: B, tokens: T }, tokensPerStep }: TrainingCase,
  { weights, examples: { ids, embedded, targets, cos, sin } }: {
    readonly weights: JaxArrays;
    readonly examples: Examples;
  },
): JaxArray {
  const { numAttentionHeads: H, numKeyValueHeads: G, headDim: C, hiddenSize: D, vocabSize: V } = options;
  const { numpy: np, nn } = jax;
  let x = embedded ?? np.take(weights[embedding]!.ref, ids!, 0); // [B,T,D]
  for (let layer = 0; layer < options.numHiddenLayers; layer++) {
    const weight = (name: string) => weights[`model.layers.${layer}.${name}.weight`]!;
    const linear = (y: JaxArray, name: string) => np.matmul(y, weight(name).transpose());
    const normed = norm(jax, x.ref, { weight: weight("input_layernorm"), eps: options.rmsNormEps });
    const q = linear(normed.ref, "self_attn.q_proj").reshape([B, T, H, C]);
    const k = linear(normed.ref, "self_attn.k_proj").reshape([B, T, G, C]);
    const v = linear(normed, "self_attn.v_proj").reshape([B, T, G, C]);
    const turn = (y: JaxArray) => rotate(jax, y, { cos: cos.ref, sin: sin.ref });
    const seen = nn.dotProductAttention(turn(q), turn(k), v, { isCausal: true }); // [B,T,H,C]
    x = x.add(linear(seen.reshape([B, T, D]), "self_attn.o_proj"));
    const inner = norm(jax, x.ref, { weight: weight("post_attention_layernorm"), eps: options.rmsNormEps });
    const gate = nn.silu(linear(inner.ref, "mlp.gate_proj"));
    x = x.add(linear(gate.mul(linear(inner, "mlp.up_proj")), "mlp.down_proj"));
  }
  cos.dispose();
  sin.dispose();
  const hidden = norm(jax, x, { weight: weights["model.norm.weight"]!, eps: options.rmsNormEps }).reshape([B * T, D]);
  const logits = np.matmul(hidden, weights[embedding]!.transpose()); // [B·T,V]
  const chosen = np.equal(np.arange(V).reshape([1, V]), targets);
  const answer = np.where(chosen, logits.ref, 0).sum(-1);
  return nn.logsumexp(logits, -1).sub(answer).sum().div(tokensPerStep);
}

/** RMSNorm. */
function norm(
  { numpy: np }: Jax,
  x: JaxArray,
  { weight, eps }: { readonly weight: JaxArray; readonly eps: number },
): JaxArray {
  const size = np.sqrt(np.mean(np.square(x.ref), -1, { keepdims: true }).add(eps));
  return x.div(size).mul(weight);
}

/** Rotary position, halves convention. */
function rotate({ numpy: np }: Jax, x: JaxArray, { cos, sin }: Pick<Examples, "cos" | "sin">): JaxArray {
  const C = x.shape[3]!;
  const first = x.ref.slice([], [], [], [0, C / 2]);
  const second = x.slice([], [], [], [C / 2, C]);
  const turned = first.ref.mul(cos.ref).sub(second.ref.mul(sin.ref));
  return np.concatenate([turned, second.mul(cos).add(first.mul(sin))], -1);
}

/** Clipping and AdamW, in PyTorch's order. */
function update(
  { numpy: np }: Jax,
  { parameters, gradients, moments, corrections: { rate, root } }: {
    readonly parameters: JaxArrays;
    readonly gradients: JaxArrays;
    readonly moments: Moments;
    readonly corrections: Corrections;
  },
): [JaxArrays, Moments] {
  const { learningRate, beta1, beta2, eps, weightDecay } = adamw;
  const squares = Object.values(gradients).map((gradient) => np.square(gradient.ref).sum());
  const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
  const factor = np.minimum(np.reciprocal(norm.add(1e-6)).mul(clip), 1);
  const next: [JaxArrays, Moments] = [{}, { mean: {}, variance: {} }];
  for (const [name, parameter] of Object.entries(parameters)) {
    const g = gradients[name]!.mul(factor.ref);
    const mean = moments.mean[name]!.mul(beta1).add(g.ref.mul(1 - beta1));
    const variance = moments.variance[name]!.mul(beta2).add(np.square(g).mul(1 - beta2));
    const scale = np.sqrt(variance.ref).div(root.ref).add(eps);
    next[0][name] = parameter.mul(1 - learningRate * weightDecay).sub(mean.ref.div(scale).mul(rate.ref));
    next[1].mean[name] = mean;
    next[1].variance[name] = variance;
  }
  for (const array of [factor, rate, root]) array.dispose();
  return next;
}

function mapArrays(arrays: JaxArrays, map: (array: JaxArray) => JaxArray): JaxArrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, map(array)]));
}
