/**
 * The MiniMind decoder, generations 2 and 3, dense or mixture of experts.
 *
 * Weights bear the names of upstream's checkpoints (`model.layers.0.self_attn.q_proj.weight`, …).
 *
 * @module
 */
import type { Decoder, DecoderOutput, ForwardOptions } from "../../core/decoder.ts";
import type { Graph } from "../../core/graph/graph.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { block } from "./block.ts";
import type { MiniMindOptions } from "./options.ts";
import { ropeTables } from "./rope.ts";

export { type MiniMindOptions, type MoeOptions, parseMiniMindOptions, type YarnOptions } from "./options.ts";
export { ropeFrequencies, type RopeOptions, type RopeTables, ropeTables } from "./rope.ts";

const embedding = "model.embed_tokens.weight";
const head = "lm_head.weight";

/** Creates a MiniMind decoder; {@link parseMiniMindOptions} reads its options from a `config.json`. */
export function createMiniMind(options: MiniMindOptions): Decoder {
  const { generation, hiddenSize: D, vocabSize: V, tieWordEmbeddings } = options;
  const name = `minimind-${generation}${options.moe === undefined ? "" : "-moe"}`;
  const headWeight = (graph: Graph) => graph.matrix(tieWordEmbeddings ? embedding : head, [V, D]);
  return {
    name,
    width: D,
    vocabulary: V,
    maxPositions: options.maxPositionEmbeddings,
    tied: tieWordEmbeddings ? [[embedding, head]] : [],
    ignores: [/(^|\.)freqs_(cos|sin)$/, /(^|\.)mask$/], // buffers that older checkpoints saved along
    embed: (graph, ids) => graph.embedding(ids, graph.matrix(embedding, [V, D])),
    forward: (graph, hidden, forward = {}) => decode(graph, hidden, { options, forward, name }),
    logits: (graph, hidden) => graph.linear(hidden, headWeight(graph)),
    head: headWeight,
  };
}

/** All blocks and the final norm: hidden `[B,T,D]` → `[B,T,D]`. */
function decode(
  graph: Graph,
  hidden: Tensor,
  { options, forward, name }: { options: MiniMindOptions; forward: ForwardOptions; name: string },
): DecoderOutput {
  const rope = ropeConstants(graph, options, { rows: positions(hidden, forward, { options, name }) });
  const blocks: Tensor[] = [];
  let x = hidden;
  let auxLoss: Tensor | undefined;
  for (let layer = 0; layer < options.numHiddenLayers; layer++) {
    const output = graph.block(() => block(graph, x, { options, layer, rope, forward }));
    x = output.y;
    blocks.push(x);
    if (output.auxLoss !== undefined) {
      auxLoss = auxLoss === undefined ? output.auxLoss : graph.add(auxLoss, output.auxLoss);
    }
  }
  const weight = graph.parameter("model.norm.weight", [options.hiddenSize]);
  return { hidden: graph.rmsNorm(x, weight, options.rmsNormEps), blocks, auxLoss };
}

/** Positions that a run may reach. */
function positions(
  hidden: Tensor,
  { cache }: ForwardOptions,
  { options, name }: { options: MiniMindOptions; name: string },
): number {
  const tokens = hidden.shape[1]!;
  const rows = cache?.capacity ?? tokens;
  if (tokens > rows) {
    throw new RangeError(`Cannot add "${name}": ${tokens} tokens, but the cache has ${rows} positions`);
  }
  if (rows > options.maxPositionEmbeddings) {
    throw new RangeError(`Cannot add "${name}": ${rows} positions, but it has ${options.maxPositionEmbeddings}`);
  }
  return rows;
}

/** The rotary tables; the number of rows is in their names because graphs of several lengths share storages. */
function ropeConstants(
  graph: Graph,
  options: MiniMindOptions,
  { rows }: { rows: number },
): { cos: Tensor; sin: Tensor } {
  const { cos, sin } = ropeTables(options, rows);
  const shape = [rows, options.headDim / 2];
  return { cos: graph.constant(`rope.${rows}.cos`, cos, shape), sin: graph.constant(`rope.${rows}.sin`, sin, shape) };
}
