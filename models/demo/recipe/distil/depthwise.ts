/**
 * Depthwise 3×3 convolutions, which the teacher has and the graph's kernels lack, compiled from AssemblyScript when a
 * run starts: as plain loops they take five times what all the rest of the teacher does.
 *
 * @module
 */
import asc from "assemblyscript/asc";

/** Zeros around: one on each side for stride 1; for stride 2 Keras pads only below and to the right. Channels by fours. */
const source = `
  @inline function clip(v: v128): v128 { return f32x4.min(f32x4.max(v, f32x4.splat(0)), f32x4.splat(6)); }
  @inline function add(sum: v128, x: usize, w: usize): v128 { return f32x4.add(sum, f32x4.mul(v128.load(x), v128.load(w))); }

  export function convolve(x: usize, padded: usize, w: usize, y: usize, size: i32, stride: i32, channels: i32): void {
    const before = stride == 1 ? 1 : 0, edge = size + 2 / stride, out = size / stride;
    const pixel = <usize>channels << 2, line = <usize>edge * pixel;
    memory.fill(padded, 0, <usize>edge * line);
    for (let row = 0; row < size; row++) {
      let to = padded + (row + before) * line + before * pixel;
      for (const end = x + <usize>size * pixel; x < end; x += 16, to += 16) v128.store(to, clip(v128.load(x)));
    }
    for (let row = 0; row < out; row++) {
      for (let column = 0; column < out; column++) {
        const from = padded + <usize>(row * stride) * line + <usize>(column * stride) * pixel;
        for (let c: usize = 0; c < pixel; c += 16, y += 16) {
          let sum = v128.load(w + c);
          sum = add(sum, from + c, w + pixel * 1 + c);
          sum = add(sum, from + pixel + c, w + pixel * 2 + c);
          sum = add(sum, from + pixel * 2 + c, w + pixel * 3 + c);
          sum = add(sum, from + line + c, w + pixel * 4 + c);
          sum = add(sum, from + line + pixel + c, w + pixel * 5 + c);
          sum = add(sum, from + line + pixel * 2 + c, w + pixel * 6 + c);
          sum = add(sum, from + line * 2 + c, w + pixel * 7 + c);
          sum = add(sum, from + line * 2 + pixel + c, w + pixel * 8 + c);
          sum = add(sum, from + line * 2 + pixel * 2 + c, w + pixel * 9 + c);
          v128.store(y, clip(sum));
        }
      }
    }
  }
`;

/** A convolution of one shape. */
export interface DepthwiseOptions {
  /** Edge of the square input in pixels. */
  readonly size: number;
  /** 1 or 2. */
  readonly stride: number;
  /** `[3,3,C]`. */
  readonly weight: Float32Array;
  /** `[C]`, C a multiple of 4. */
  readonly bias: Float32Array;
}

/** Clips its input `[size,size,C]` to 0…6, convolves, clips again; the result is overwritten by the next call. */
export type Depthwise = (x: Float32Array) => Float32Array;

/** Compiles the loops once. */
export async function compileDepthwise(): Promise<WebAssembly.Module> {
  const { error, stderr, binary } = await asc.compileString(source, {
    optimizeLevel: 3,
    runtime: "stub",
    importMemory: true,
    enable: ["simd"],
  });
  if (error !== null || binary === null) throw new TypeError(`Cannot compile the teacher's loops: ${stderr}`);
  return await WebAssembly.compile(binary as Uint8Array<ArrayBuffer>);
}

/** A convolution with memory of its own. */
export function createDepthwise(module: WebAssembly.Module, options: DepthwiseOptions): Depthwise {
  const { size, stride, weight, bias } = options;
  const channels = bias.length, out = size / stride, edge = size + 2 / stride;
  const input = size * size * channels, padded = edge * edge * channels, output = out * out * channels;
  const bytes = 4 * (input + padded + 10 * channels + output);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) + 1 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } });
  const floats = new Float32Array(memory.buffer, 1024);
  const [w, y] = [input + padded, input + padded + 10 * channels];
  floats.set(bias, w);
  floats.set(weight, w + channels);
  const at = (index: number) => 1024 + 4 * index;
  const convolve = exports["convolve"] as (...numbers: number[]) => void;
  const result = floats.subarray(y, y + output);
  return (x) => {
    floats.set(x);
    convolve(at(0), at(input), at(w), at(y), size, stride, channels);
    return result;
  };
}
