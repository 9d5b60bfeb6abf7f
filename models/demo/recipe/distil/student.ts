/**
 * The student's graphs: encoder, a head that only distillation needs, and how far its features are from the teacher's.
 *
 * @module
 */
import { elementCount, Graph, type Plan, planGraph, type Tensor } from "../../../../core/graph/mod.ts";
import { createTiny, parseTinyOptions, type TinyEncoder } from "../../../../encoders/tiny.ts";
import type { DistilOptions, ParameterPlace } from "./options.ts";
import { teacherWidth } from "./teacher.ts";

/** Front of the head's names. */
export const headPrefix = "distil_head.";

/** The encoder that learns. */
export function createStudent({ encoder }: DistilOptions): TinyEncoder {
  return createTiny(parseTinyOptions(encoder));
}

/**
 * Inputs `pixels` `[B,3,S,S]` and `target` `[B,N,1280]`, the teacher's features in units of their spread around their
 * mean; outputs `error`, the mean squared error in the same units, and `angle`, 2 · (1 − cosine). With `train` the
 * gradients of error + angle / 2 are added up.
 */
export function planStudent(student: TinyEncoder, { views, train }: { views: number; train: boolean }): Plan {
  const graph = new Graph();
  const { pixels: { size }, output: { tokens, width } } = student;
  const features = student.encode(graph, graph.input("pixels", "f32", [views, 3, size, size]));
  const weight = graph.matrix(`${headPrefix}weight`, [teacherWidth, width]);
  const guess = graph.linear(features, weight, graph.parameter(`${headPrefix}bias`, [teacherWidth]));
  const target = graph.input("target", "f32", [views, tokens, teacherWidth]);
  const ones = graph.constant("ones", new Float32Array(teacherWidth).fill(1), [teacherWidth]);
  const scaled = (x: Tensor) => graph.rmsNorm(x, ones, 1e-6); // as long as √1280, so that their distance is the angle
  const counted = graph.input("counted", "i32", [views * tokens]);
  const error = graph.meanLoss(graph.squaredError(guess, target), counted);
  const angle = graph.meanLoss(graph.squaredError(scaled(guess), scaled(target)), counted);
  graph.output("error", error);
  graph.output("angle", angle);
  if (train) graph.backward(graph.add(error, graph.scale(angle, 0.5)));
  return planGraph(graph);
}

/** The parameters of a plan, one after the other. */
export function parameterPlaces(plan: Plan): ParameterPlace[] {
  let offset = 0;
  return [...plan.storages.values()].filter(({ role }) => role === "parameter").map(({ name, shape, layout }) => {
    const count = elementCount(shape);
    const place = { name, shape, matrix: layout === "matrix", offset, count };
    offset += count;
    return place;
  });
}
