/**
 * The teacher: MobileNetV2 (Sandler et al. 2018) of width 0.35 up to its last convolution, from Keras' weights.
 *
 * Its 1×1 convolutions run as linear layers on the backend, its depthwise ones in between.
 *
 * @module
 */
import type { Backend, Program, Storage } from "../../../../core/backend.ts";
import { Graph, planGraph } from "../../../../core/graph/mod.ts";
import type { SourceTensor } from "../../../../core/weights.ts";
import type { RgbImage } from "../../../../data/image/mod.ts";
import { createDepthwise, type Depthwise } from "./depthwise.ts";

/** Channels of its features. */
export const teacherWidth = 1280;

/** Strides of the depthwise convolutions. */
const strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1];

/** Added to the variance in Keras' batch norm of this model. */
const eps = 1e-3;

type Weights = ReadonlyMap<string, SourceTensor>;

/** A convolution with its batch norm folded in: weight `[in…,out]` as Keras has it, bias `[out]`. */
interface Folded {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The teacher for images of one size. */
export class Teacher implements Disposable {
  /** Edge of the square image in pixels. */
  readonly size: number;
  /** Edge of the square of features. */
  readonly grid: number;
  readonly #pixels: Float32Array;
  readonly #depthwise: Depthwise[] = [];
  /** What runs before each depthwise convolution, and the last features. */
  readonly #programs: Program[] = [];

  /** Folds and loads the weights; `size` is a multiple of 32. */
  constructor(
    backend: Backend,
    { weights, size, module }: {
      readonly weights: Weights;
      readonly size: number;
      readonly module: WebAssembly.Module;
    },
  ) {
    this.size = size;
    this.grid = size / 32;
    this.#pixels = new Float32Array((size + 1) ** 2 * 3);
    let extent = size / 2;
    let channels = 0; // of the depthwise convolution
    let width = 0; // of the residual stream
    for (const [i, stride] of ["stem", ...strides].entries()) {
      const graph = new Graph();
      const storages = new Map<string, Storage>();
      const dense = (x: ReturnType<Graph["input"]>, { weight, bias }: Folded, name: string) => {
        const out = bias.length, matrix = graph.matrix(`${name}.weight`, [out, weight.length / out]);
        const offset = graph.parameter(`${name}.bias`, [out]);
        for (const [tensor, numbers] of [[matrix, transpose(weight, out)], [offset, bias]] as const) {
          const storage = backend.alloc(tensor);
          backend.write(storage, numbers);
          storages.set(tensor.name, storage);
        }
        return graph.linear(x, matrix, offset);
      };
      let x;
      if (stride === "stem") {
        const pixels = graph.input("x", "f32", [1, size + 1, size + 1, 3]);
        x = dense(
          graph.unfold(pixels, { window: 3, stride: 2, padding: 0 }),
          fold(weights, "Conv1", "bn_Conv1"),
          "stem",
        );
        graph.output("expanded", x);
      } else {
        const block = i - 1, front = block === 0 ? "expanded_conv" : `block_${block}`;
        x = graph.input("x", "f32", [1, extent, extent, channels]);
        x = dense(x, fold(weights, `${front}_project`, `${front}_project_BN`), "project");
        const out = x.shape[3]!;
        if (stride === 1 && out === width) x = graph.add(x, graph.input("residual", "f32", x.shape));
        width = out;
        graph.output("residual", x);
        const [next, norm] = block === 16 ? ["Conv_1", "Conv_1_bn"] : [`block_${i}_expand`, `block_${i}_expand_BN`];
        graph.output("expanded", dense(x, fold(weights, next, norm), "expand"));
      }
      this.#programs.push(backend.load(planGraph(graph), storages));
      if (i === strides.length) break;
      const front = i === 0 ? "expanded_conv" : `block_${i}`;
      const folded = fold(weights, `${front}_depthwise`, `${front}_depthwise_BN`, "depthwise_kernel");
      channels = folded.bias.length;
      this.#depthwise.push(createDepthwise(module, { ...folded, size: extent, stride: strides[i]! }));
      extent /= strides[i]!;
    }
  }

  /** Features of an image of the teacher's size, `[grid,grid,1280]`, each from 0 to 6. */
  async features({ data }: RgbImage): Promise<Float32Array> {
    const { size } = this;
    for (let row = 0, from = 0; row < size; row++) {
      for (let to = row * (size + 1) * 3, end = to + 3 * size; to < end; to++) {
        this.#pixels[to] = data[from++]! / 127.5 - 1;
      }
    }
    let input: Float32Array = this.#pixels;
    let residual: Float32Array | undefined;
    for (const [i, program] of this.#programs.entries()) {
      program.write("x", input);
      if (program.plan.inputs.has("residual")) program.write("residual", residual!);
      program.run();
      if (program.plan.outputs.has("residual")) residual = await program.read("residual") as Float32Array;
      input = await program.read("expanded") as Float32Array;
      const layer = this.#depthwise[i];
      if (layer !== undefined) input = layer(input);
    }
    return input.map((value) => clip6(value));
  }

  /** Frees the programs. */
  [Symbol.dispose](): void {
    for (const program of this.#programs) program[Symbol.dispose]();
  }
}

/** A convolution's weight and the batch norm behind it as one weight and bias. */
function fold(weights: Weights, convolution: string, norm: string, kind = "kernel"): Folded {
  const read = (name: string) => {
    const tensor = weights.get(name);
    if (tensor === undefined) throw new TypeError(`Cannot load the teacher: its weights lack "${name}"`);
    return tensor.toFloat32();
  };
  const [gamma, beta] = [read(`${norm}/gamma`), read(`${norm}/beta`)];
  const [mean, variance] = [read(`${norm}/moving_mean`), read(`${norm}/moving_variance`)];
  const factor = gamma.map((value, c) => value / Math.sqrt(variance[c]! + eps));
  const weight = read(`${convolution}/${kind}`).map((value, i) => value * factor[i % factor.length]!);
  return { weight, bias: beta.map((value, c) => value - mean[c]! * factor[c]!) };
}

/** `[in,out]` → `[out,in]`. */
function transpose(weight: Float32Array, out: number): Float32Array {
  const width = weight.length / out;
  return weight.map((_, i) => weight[(i % width) * out + Math.floor(i / width)]!);
}

function clip6(value: number): number {
  return value < 0 ? 0 : value > 6 ? 6 : value;
}
