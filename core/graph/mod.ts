/**
 * Typed graph, closed kernel table and planner.
 *
 * @module
 */
export * from "./cost.ts";
export * from "./graph.ts";
export * from "./kernels.ts";
export * from "./plan.ts";
export * from "./tensor.ts";
