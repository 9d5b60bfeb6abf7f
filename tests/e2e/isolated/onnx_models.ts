/**
 * Small vision models as ONNX files.
 *
 * @module
 */
import { OnnxGraph } from "../../../bench/onnx_graph.ts";
import { seededValues } from "../../unit/seeded_run.ts";

/** Edge of the images, edge of a patch, patches, width of a feature. */
export const [S, P, N, C] = [8, 4, 4, 6];

/** Options of {@link patchModel}. */
export interface PatchModelOptions {
  /** Name of the input. Default `pixel_values`. */
  readonly input?: string;
  /** Leaves batch and size open. Default false. */
  readonly open?: boolean;
  /** Puts a vector of ones in front. Default false. */
  readonly classToken?: boolean;
  /** Gives the map `[1,C,H,W]`. Default false: features `[1,N,C]`. */
  readonly map?: boolean;
}

/** One convolution whose stride is its size. Outputs: `pooled` `[1,C]`, then `last_hidden_state` as the options say. */
export function patchModel(options: PatchModelOptions = {}): Uint8Array<ArrayBuffer> {
  const { input = "pixel_values", open = false, classToken = false, map = false } = options;
  const graph = new OnnxGraph();
  const pixels = graph.input(input, "f32", open ? ["batch", 3, "height", "width"] : [1, 3, S, S]);
  const kernel = graph.weight("kernel", patchKernel(), [C, 3, P, P]);
  const grid = graph.apply("Conv", [pixels, kernel], { strides: [P, P], kernel_shape: [P, P] }); // [1,C,H,W]
  const rows = graph.apply("Reshape", [grid, graph.integers(1, C, -1)]);
  const features = graph.apply("Transpose", [rows], { perm: [0, 2, 1] }); // [1,N,C]
  const ones = graph.weight("ones", new Float32Array(C).fill(1), [1, 1, C]);
  const rest = classToken ? graph.apply("Concat", [ones, features], { axis: 1 }) : features;
  graph.output("pooled", graph.apply("ReduceMean", [features], { axes: [1], keepdims: 0 }), [1, C]);
  if (map) graph.output("last_hidden_state", grid, open ? ["batch", C, "rows", "columns"] : [1, C, S / P, S / P]);
  else graph.output("last_hidden_state", rest, open ? ["batch", "tokens", C] : [1, N + Number(classToken), C]);
  return new Uint8Array(graph.toBytes());
}

/** What {@link patchModel} computes, by plain loops: pixels `[3,S,S]` → features `[N,C]`. */
export function patchFeatures(pixels: Float32Array): Float32Array {
  const kernel = patchKernel();
  const features = new Float32Array(N * C);
  for (let n = 0; n < N; n++) {
    const [top, left] = [P * Math.floor(n / (S / P)), P * (n % (S / P))];
    for (let c = 0; c < C; c++) {
      for (let k = 0; k < 3 * P * P; k++) {
        const [channel, y, x] = [Math.floor(k / (P * P)), Math.floor(k / P) % P, k % P];
        const pixel = pixels[(channel * S + top + y) * S + left + x]!;
        features[n * C + c]! += kernel[c * 3 * P * P + k]! * pixel;
      }
    }
  }
  return features;
}

function patchKernel(): Float32Array {
  return seededValues("kernel", C * 3 * P * P, 0.3);
}
