/**
 * The benchmark's models as plain ONNX graphs (MatMul, Softmax, Mul, …), the way an exporter would write them.
 *
 * All weights come by upstream's names, `[out, in]`, and are stored transposed, so that a runtime can pack them.
 *
 * @module
 */
import type { ClipOptions, MiniMindOptions } from "../engine.ts";
import { ropeTables } from "../engine.ts";
import { OnnxGraph, type Value } from "./onnx_graph.ts";

/** Weights by upstream's names, `[out, in]` in C order. */
export type Weights = (name: string) => Float32Array;

/** A graph and the weights it draws on. */
interface Context {
  readonly graph: OnnxGraph;
  readonly weights: Weights;
}

/** Where the tokens of a decoder stand: rotary rows `[T,C/2]`, what is cached, which keys a query must not see. */
interface Place {
  readonly tokens: number;
  readonly cos: Value;
  readonly sin: Value;
  /** `[T,T]`, 0 or a large negative number; absent for one token, which sees all. */
  readonly mask?: Value | undefined;
  readonly past?: ((name: string) => Value) | undefined;
}

/** A prompt of `tokens` ids `[1,T]` → `logits` `[1,1,V]` of the last one, and `keys.<i>`, `values.<i>` `[1,G,T,C]`. */
export function prefillModel(weights: Weights, options: MiniMindOptions, tokens: number): Uint8Array {
  const context = { graph: new OnnxGraph(), weights };
  const { graph } = context;
  const { cos, sin } = ropeTables(options, tokens);
  const half = options.headDim / 2;
  const mask = Float32Array.from({ length: tokens * tokens }, (_, i) => i % tokens > Math.floor(i / tokens) ? -1e9 : 0);
  const hidden = decoder(context, options, {
    tokens,
    cos: graph.weight("cos", cos, [tokens, half]),
    sin: graph.weight("sin", sin, [tokens, half]),
    mask: graph.weight("mask", mask, [tokens, tokens]),
  });
  const last = graph.apply("Gather", [hidden, graph.integers(tokens - 1)], { axis: 1 }); // [1,1,D]
  return withHead(context, options, last);
}

/**
 * One id `[1,1]` at `position` `[1]` with `past.keys.<i>`, `past.values.<i>` `[1,G,S,C]` → `logits` `[1,1,V]` and
 * `keys.<i>`, `values.<i>` `[1,G,S+1,C]`.
 */
export function decodeModel(weights: Weights, options: MiniMindOptions, positions: number): Uint8Array {
  const context = { graph: new OnnxGraph(), weights };
  const { graph } = context;
  const { numKeyValueHeads: G, headDim: C } = options;
  const { cos, sin } = ropeTables(options, positions);
  const position = graph.input("position", "i64", [1]);
  const row = (name: string, table: Float32Array) =>
    graph.apply("Gather", [graph.weight(name, table, [positions, C / 2]), position], { axis: 0 });
  const hidden = decoder(context, options, {
    tokens: 1,
    cos: row("cos", cos),
    sin: row("sin", sin),
    past: (name) => graph.input(`past.${name}`, "f32", [1, G, "past", C]),
  });
  return withHead(context, options, hidden);
}

/** Pixels `[1,3,S,S]` → `features` `[1,N,D]`: CLIP's last hidden states without the class token. */
export function clipModel(weights: Weights, options: ClipOptions): Uint8Array {
  const context = { graph: new OnnxGraph(), weights };
  const { graph } = context;
  const { imageSize: S, patchSize: P, hiddenSize: D, layerNormEps: eps } = options;
  const N = (S / P) ** 2;
  const embeddings = "vision_model.embeddings";
  const stored = (name: string, shape: number[]) => graph.weight(name, weights(name), shape);
  const pixels = graph.input("pixels", "f32", [1, 3, S, S]);
  const kernel = stored(`${embeddings}.patch_embedding.weight`, [D, 3, P, P]);
  const grid = graph.apply("Conv", [pixels, kernel], { strides: [P, P], kernel_shape: [P, P] });
  const patches = graph.apply("Transpose", [reshape(graph, grid, [1, D, N])], { perm: [0, 2, 1] }); // [1,N,D]
  const classToken = stored(`${embeddings}.class_embedding`, [1, 1, D]);
  const positions = stored(`${embeddings}.position_embedding.weight`, [N + 1, D]);
  let x = graph.apply("Add", [graph.apply("Concat", [classToken, patches], { axis: 1 }), positions]);
  x = layerNorm(context, x, { name: "vision_model.pre_layrnorm", eps });
  for (let i = 0; i < options.numHiddenLayers; i++) {
    x = clipBlock(context, x, { ...options, name: `vision_model.encoder.layers.${i}`, N: N + 1 });
  }
  const bounds = [[1], [N + 1], [1]].map((each) => graph.integers(...each));
  graph.output("features", graph.apply("Slice", [x, ...bounds]), [1, N, D]);
  return graph.toBytes();
}

/** Ids `[1,T]` → normalised hidden states `[1,T,D]`; the new keys and values become outputs. */
function decoder(context: Context, options: MiniMindOptions, place: Place): Value {
  const { graph, weights } = context;
  const { hiddenSize: D, vocabSize: V, rmsNormEps: eps } = options;
  const embedding = "model.embed_tokens.weight";
  const ids = graph.input("ids", "i64", [1, place.tokens]);
  let x = graph.apply("Gather", [graph.weight(embedding, weights(embedding), [V, D]), ids], { axis: 0 });
  for (let i = 0; i < options.numHiddenLayers; i++) {
    const name = `model.layers.${i}`;
    const normed = rmsNorm(context, x, { name: `${name}.input_layernorm`, width: D, eps });
    x = graph.apply("Add", [x, selfAttention(context, normed, { ...place, options, layer: i })]);
    const inner = rmsNorm(context, x, { name: `${name}.post_attention_layernorm`, width: D, eps });
    const F = options.intermediateSize;
    const gate = linear(context, inner, { name: `${name}.mlp.gate_proj`, shape: [F, D] });
    const up = linear(context, inner, { name: `${name}.mlp.up_proj`, shape: [F, D] });
    const silu = graph.apply("Mul", [gate, graph.apply("Sigmoid", [gate])]);
    const down = linear(context, graph.apply("Mul", [silu, up]), { name: `${name}.mlp.down_proj`, shape: [D, F] });
    x = graph.apply("Add", [x, down]);
  }
  return rmsNorm(context, x, { name: "model.norm", width: D, eps });
}

function withHead(context: Context, options: MiniMindOptions, hidden: Value): Uint8Array {
  const { hiddenSize: D, vocabSize: V } = options;
  const logits = linear(context, hidden, { name: "model.embed_tokens", shape: [V, D] });
  context.graph.output("logits", logits, [1, 1, V]);
  return context.graph.toBytes();
}

function selfAttention(
  context: Context,
  x: Value,
  { tokens: T, cos, sin, mask, past, options, layer }: Place & { options: MiniMindOptions; layer: number },
): Value {
  const { graph } = context;
  const { hiddenSize: D, numAttentionHeads: H, numKeyValueHeads: G, headDim: C } = options;
  const name = `model.layers.${layer}.self_attn`;
  const heads = (part: string, count: number) => {
    const y = linear(context, x, { name: `${name}.${part}_proj`, shape: [count * C, D] });
    return graph.apply("Transpose", [reshape(graph, y, [1, T, count, C])], { perm: [0, 2, 1, 3] }); // [1,H,T,C]
  };
  const rotate = (y: Value) => {
    const halves = graph.integers(C / 2, C / 2);
    const [a, b] = graph.applyMany("Split", [y, halves], { outputs: 2, attributes: { axis: -1 } }) as [Value, Value];
    const times = (half: Value, table: Value) => graph.apply("Mul", [half, table]);
    const first = graph.apply("Sub", [times(a, cos), times(b, sin)]);
    const second = graph.apply("Add", [times(b, cos), times(a, sin)]);
    return graph.apply("Concat", [first, second], { axis: -1 });
  };
  const keep = (part: string, fresh: Value) => {
    const all = past === undefined ? fresh : graph.apply("Concat", [past(`${part}.${layer}`), fresh], { axis: 2 });
    graph.output(`${part}.${layer}`, all, [1, G, past === undefined ? T : "present", C]);
    return all; // [1,G,S,C]
  };
  const q = rotate(heads("q", H));
  const k = keep("keys", rotate(heads("k", G)));
  const v = keep("values", heads("v", G));
  // The heads that share a key head are rows of one product, so that keys and values are never repeated.
  const scaled = graph.apply("Mul", [q, graph.number(1 / Math.sqrt(C))]);
  const grouped = reshape(graph, scaled, [1, G, (H / G) * T, C]);
  let scores = graph.apply("MatMul", [grouped, graph.apply("Transpose", [k], { perm: [0, 1, 3, 2] })]);
  if (mask !== undefined) {
    const masked = graph.apply("Add", [reshape(graph, scores, [1, H, T, T]), mask]);
    scores = reshape(graph, graph.apply("Softmax", [masked], { axis: -1 }), [1, G, (H / G) * T, T]);
  } else {
    scores = graph.apply("Softmax", [scores], { axis: -1 });
  }
  const y = reshape(graph, graph.apply("MatMul", [scores, v]), [1, H, T, C]);
  const merged = reshape(graph, graph.apply("Transpose", [y], { perm: [0, 2, 1, 3] }), [1, T, H * C]);
  return linear(context, merged, { name: `${name}.o_proj`, shape: [D, H * C] });
}

function clipBlock(context: Context, x: Value, options: ClipOptions & { readonly name: string; N: number }): Value {
  const { graph } = context;
  const { name, N, hiddenSize: D, numAttentionHeads: H, intermediateSize: F, layerNormEps: eps } = options;
  const C = D / H;
  const normed = layerNorm(context, x, { name: `${name}.layer_norm1`, eps });
  const heads = (part: string, perm: number[]) => {
    const y = linear(context, normed, { name: `${name}.self_attn.${part}_proj`, shape: [D, D], bias: true });
    return graph.apply("Transpose", [reshape(graph, y, [1, N, H, C])], { perm });
  };
  const q = graph.apply("Mul", [heads("q", [0, 2, 1, 3]), graph.number(1 / Math.sqrt(C))]); // [1,H,N,C]
  const scores = graph.apply("MatMul", [q, heads("k", [0, 2, 3, 1])]); // [1,H,N,N]
  const y = graph.apply("MatMul", [graph.apply("Softmax", [scores], { axis: -1 }), heads("v", [0, 2, 1, 3])]);
  const merged = reshape(graph, graph.apply("Transpose", [y], { perm: [0, 2, 1, 3] }), [1, N, D]);
  const attended = linear(context, merged, { name: `${name}.self_attn.out_proj`, shape: [D, D], bias: true });
  x = graph.apply("Add", [x, attended]);
  const inner = layerNorm(context, x, { name: `${name}.layer_norm2`, eps });
  const up = linear(context, inner, { name: `${name}.mlp.fc1`, shape: [F, D], bias: true });
  const gate = graph.apply("Sigmoid", [graph.apply("Mul", [up, graph.number(1.702)])]);
  const active = graph.apply("Mul", [up, gate]);
  return graph.apply("Add", [x, linear(context, active, { name: `${name}.mlp.fc2`, shape: [D, F], bias: true })]);
}

function linear(
  { graph, weights }: Context,
  x: Value,
  { name, shape, bias = false }: { name: string; shape: readonly [out: number, width: number]; bias?: boolean },
): Value {
  const [out, width] = shape;
  const weight = graph.weight(`${name}.transposed`, transpose(weights(`${name}.weight`), shape), [width, out]);
  const y = graph.apply("MatMul", [x, weight]);
  return bias ? graph.apply("Add", [y, graph.weight(`${name}.bias`, weights(`${name}.bias`), [out])]) : y;
}

function rmsNorm(
  { graph, weights }: Context,
  x: Value,
  { name, width, eps }: { name: string; width: number; eps: number },
): Value {
  const square = graph.apply("Pow", [x, graph.number(2)]);
  const mean = graph.apply("ReduceMean", [square], { axes: [-1], keepdims: 1 });
  const root = graph.apply("Sqrt", [graph.apply("Add", [mean, graph.number(eps)])]);
  const weight = graph.weight(`${name}.weight`, weights(`${name}.weight`), [width]);
  return graph.apply("Mul", [graph.apply("Div", [x, root]), weight]);
}

function layerNorm({ graph, weights }: Context, x: Value, { name, eps }: { name: string; eps: number }): Value {
  const stored = (part: string) => {
    const values = weights(`${name}.${part}`);
    return graph.weight(`${name}.${part}`, values, [values.length]);
  };
  return graph.apply("LayerNormalization", [x, stored("weight"), stored("bias")], {
    axis: -1,
    epsilon: { float: eps },
  });
}

function reshape(graph: OnnxGraph, x: Value, shape: number[]): Value {
  return graph.apply("Reshape", [x, graph.integers(...shape)]);
}

/** `[out, in]` → `[in, out]`. */
function transpose(values: Float32Array, [out, width]: readonly [number, number]): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < width; column++) result[column * out + row] = values[row * width + column]!;
  }
  return result;
}
