/**
 * AdamW over all trainable parameters as one program: global norm, clipping, update, and gradients set back to zero.
 *
 * @module
 */
import { Graph } from "../core/graph/graph.ts";
import { type Plan, planGraph } from "../core/graph/plan.ts";
import type { Tensor } from "../core/graph/tensor.ts";

/** Parameters that share a learning rate. */
export interface ParameterGroup {
  /** Name of the group's settings input: `settings.<name>`. */
  readonly name: string;
  /** Its parameters. */
  readonly parameters: readonly Tensor[];
}

/** Numbers of AdamW that do not change over a run; PyTorch's defaults. */
export interface AdamWOptions {
  /** Decay of the first moment. Default 0.9. */
  readonly beta1?: number | undefined;
  /** Decay of the second moment. Default 0.999. */
  readonly beta2?: number | undefined;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: number | undefined;
  /** Decoupled weight decay, on every parameter as upstream has it. Default 0.01. */
  readonly weightDecay?: number | undefined;
}

/** The kernel's `settings` of one step, counted from 1: learning rate, betas, eps, weight decay, step. */
export function adamwSettings(learningRate: number, step: number, options: AdamWOptions = {}): Float32Array {
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01 } = options;
  return new Float32Array([learningRate, beta1, beta2, eps, weightDecay, step]);
}

/** Options of {@link planOptimiser}. */
export interface OptimiserOptions {
  /** Whether gradients come scaled, by what a further input `scale` `[1]` says. Default false. */
  readonly scaled?: boolean | undefined;
}

/**
 * Inputs `settings.<group>` `[6]` and `limit` `[1]`, the largest global norm; output `squares` `[1]`, the squared norm
 * of the gradients as they come. Where it is not finite nothing changes but the gradients, which are zero after every run.
 */
export function planOptimiser(
  groups: readonly ParameterGroup[],
  { scaled = false }: OptimiserOptions = {},
): Plan {
  const graph = new Graph();
  const squares = graph.state("squares", "f32", [1]);
  const clip = graph.state("clip", "f32", [1]);
  const limit = graph.input("limit", "f32", [1]);
  const scale = scaled ? graph.input("scale", "f32", [1]) : undefined;
  const own = groups.map(({ name, parameters }) => ({
    name,
    parameters: parameters.map((p) => declareParameter(graph, p)),
  }));
  const all = own.flatMap(({ parameters }) => parameters);
  graph.append("fill", {}, { y: squares }, { value: 0 });
  for (const parameter of all) graph.append("sumOfSquares", { x: graph.gradient(parameter) }, { y: squares }, {});
  graph.append("clipFactor", { squares, limit, scale }, { clip }, {});
  for (const { name, parameters } of own) {
    const settings = graph.input(`settings.${name}`, "f32", [6]);
    for (const parameter of parameters) {
      const mean = graph.stateLike(parameter, "mean"), variance = graph.stateLike(parameter, "variance");
      const gradient = graph.gradient(parameter);
      graph.append("adamw", { gradient, clip, settings }, { parameter, mean, variance }, {});
    }
  }
  for (const parameter of all) graph.append("fill", {}, { y: graph.gradient(parameter) }, { value: 0 });
  graph.output("squares", squares);
  return planGraph(graph);
}

/** The same parameter on another graph. */
export function declareParameter(graph: Graph, { name, shape, layout }: Tensor): Tensor {
  return layout === "matrix" ? graph.matrix(name, shape) : graph.parameter(name, shape);
}
