/**
 * Weights of a MobileNetV2 by Keras' names, as narrow as one likes.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import type { SourceTensor } from "../../core/weights.ts";
import { seededValues } from "./seeded_run.ts";

/** Channels: of the first convolution, inside the blocks, between them, and of the features. All multiples of 4. */
export interface TeacherWidths {
  /** Of the first convolution. */
  readonly stem: number;
  /** Inside the blocks. */
  readonly hidden: number;
  /** Between the blocks. */
  readonly width: number;
  /** Of the last convolution. */
  readonly features: number;
}

/** Seeded weights of all layers. */
export function teacherWeights(
  { stem, hidden, width, features }: TeacherWidths,
): Map<string, SourceTensor & { readonly values: Float32Array }> {
  const tensors = new Map<string, SourceTensor & { readonly values: Float32Array }>();
  const add = (name: string, shape: readonly number[], values: Float32Array) =>
    void tensors.set(name, { shape, values, toFloat32: () => values });
  const kernel = (name: string, shape: readonly number[], inputs: number) =>
    add(name, shape, seededValues(name, elementCount(shape), 1.7 / Math.sqrt(inputs)));
  const norm = (name: string, count: number) => {
    const around = (part: string, centre: number, spread: number) =>
      add(`${name}/${part}`, [count], seededValues(name + part, count, spread).map((value) => value + centre));
    around("gamma", 1, 0.3);
    around("beta", 0.5, 0.3);
    around("moving_mean", 0, 0.2);
    around("moving_variance", 0.7, 0.2);
  };
  kernel("Conv1/kernel", [3, 3, 3, stem], 27);
  norm("bn_Conv1", stem);
  for (let block = 0; block < 17; block++) {
    const front = block === 0 ? "expanded_conv" : `block_${block}`, inside = block === 0 ? stem : hidden;
    if (block > 0) {
      kernel(`${front}_expand/kernel`, [1, 1, width, hidden], width);
      norm(`${front}_expand_BN`, hidden);
    }
    kernel(`${front}_depthwise/depthwise_kernel`, [3, 3, inside, 1], 9);
    norm(`${front}_depthwise_BN`, inside);
    kernel(`${front}_project/kernel`, [1, 1, inside, width], inside);
    norm(`${front}_project_BN`, width);
  }
  kernel("Conv_1/kernel", [1, 1, width, features], width);
  norm("Conv_1_bn", features);
  return tensors;
}
