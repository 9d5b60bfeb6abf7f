/**
 * Whether the parts of a model keep what they declare: shapes at every joint, and weights of their own.
 *
 * @module
 */
import { isGraphEncoder } from "../core/encoder.ts";
import { ConfigError, ShapeError } from "../core/errors.ts";
import { Graph } from "../core/graph/graph.ts";
import { formatShape, sameShape, type Tensor } from "../core/graph/tensor.ts";
import type { VisionLanguageModel } from "../core/model.ts";

/** One part on a graph of its own. */
interface Drawn {
  readonly what: string;
  readonly graph: Graph;
}

/**
 * Draws every part on a graph of its own and compares what it gives with what it declares. Parts come from different
 * hands: a shape that is wrong should be blamed on the part that declared it, not on the neighbour that chokes on it.
 *
 * @throws {ConfigError} naming the part and both shapes, or the parts that would share a weight by accident
 */
export function checkJoints({ encoder, projector, decoder }: VisionLanguageModel): void {
  const parts: Drawn[] = [];
  const draw = (what: string, expected: readonly number[], build: (graph: Graph) => Tensor) => {
    const graph = new Graph();
    const { shape } = blame(what, () => build(graph));
    if (!sameShape(shape, expected)) {
      throw new ConfigError(`Cannot join ${what}: it gives ${formatShape(shape)}, not ${formatShape(expected)}`);
    }
    parts.push({ what, graph });
  };
  if (encoder !== undefined && isGraphEncoder(encoder)) {
    const { name, pixels: { size }, output: { tokens, width } } = encoder;
    draw(`encoder "${name}"`, [1, tokens, width], (graph) => {
      return encoder.encode(graph, graph.input("pixels", "f32", [1, 3, size, size]));
    });
  }
  const { input, output } = projector;
  draw("projector", [1, output.tokens, output.width], (graph) => {
    return projector.project(graph, graph.input("features", "f32", [1, input.tokens, input.width]));
  });
  draw(`decoder "${decoder.name}"`, [1, 1, decoder.vocabulary], (graph) => {
    const hidden = decoder.embed(graph, graph.input("ids", "i32", [1, 1]));
    return decoder.logits(graph, decoder.forward(graph, hidden).hidden);
  });
  checkNames(parts);
}

/** A misfit inside a part names kernels and tensors, but not whose they are. */
function blame(what: string, build: () => Tensor): Tensor {
  try {
    return build();
  } catch (cause) {
    if (cause instanceof ShapeError) throw new ConfigError(`Cannot join ${what}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** On one graph, two parts that use a name mean the same memory. */
function checkNames(parts: readonly Drawn[]): void {
  const owners = new Map<string, string>();
  for (const { what, graph } of parts) {
    for (const [name, { role }] of graph.named) {
      if (role === "input") continue;
      const owner = owners.get(name);
      if (owner !== undefined) throw new ConfigError(`Cannot join ${owner} and ${what}: both have a ${role} "${name}"`);
      owners.set(name, what);
    }
  }
}
