import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { compileDepthwise } from "../../models/demo/recipe/distil/depthwise.ts";
import { Teacher } from "../../models/demo/recipe/distil/teacher.ts";
import { drawView, plainLight, stretch, studentPixels } from "../../models/demo/recipe/distil/views.ts";
import { teacherWeights } from "./demo_teacher_weights.ts";
import { largestDifference } from "./seeded_run.ts";

/** A picture `[edge][edge][channels]`. */
type Grid = number[][][];

const weights = teacherWeights({ stem: 4, hidden: 8, width: 4, features: 1280 });
const read = (name: string) => weights.get(name)!.toFloat32();

/** Batch norm over the last dimension, and clipping where there is any. */
function norm(x: Grid, name: string, clip: boolean): Grid {
  const [gamma, beta] = [read(`${name}/gamma`), read(`${name}/beta`)];
  const [mean, variance] = [read(`${name}/moving_mean`), read(`${name}/moving_variance`)];
  const one = (value: number, c: number) => (value - mean[c]!) / Math.sqrt(variance[c]! + 1e-3) * gamma[c]! + beta[c]!;
  const limit = (value: number) => clip ? Math.min(6, Math.max(0, value)) : value;
  return x.map((row) => row.map((pixel) => pixel.map((value, c) => limit(one(value, c)))));
}

/** The 3×3 window at a place, zeros outside; `before` pixels of it lie above and to the left. */
function windowAt(x: Grid, [row, column]: readonly [number, number], before: number): number[][] {
  const none = x[0]![0]!.map(() => 0);
  return Array.from({ length: 9 }, (_, i) => x[row - before + Math.floor(i / 3)]?.[column - before + i % 3] ?? none);
}

/** A 3×3 convolution as Keras has it: stride 2 pads only below and to the right. */
function convolve(x: Grid, stride: number, compute: (window: number[][]) => number[]): Grid {
  const places = Array.from({ length: x.length / stride }, (_, i) => i * stride);
  return places.map((row) => places.map((column) => compute(windowAt(x, [row, column], stride === 1 ? 1 : 0))));
}

function pointwise(x: Grid, name: string): Grid {
  const kernel = read(name), out = weights.get(name)!.shape[3]!;
  const compute = (pixel: number[]) =>
    Array.from({ length: out }, (_, o) => pixel.reduce((sum, value, c) => sum + value * kernel[c * out + o]!, 0));
  return x.map((row) => row.map(compute));
}

/** MobileNetV2 by its definition. */
function features(image: Grid): Grid {
  const kernel = read("Conv1/kernel");
  let x = norm(
    convolve(image, 2, (window) => {
      const inputs = window.flat();
      return Array.from({ length: 4 }, (_, o) => inputs.reduce((sum, value, i) => sum + value * kernel[i * 4 + o]!, 0));
    }),
    "bn_Conv1",
    true,
  );
  for (const [block, stride] of [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1].entries()) {
    const front = block === 0 ? "expanded_conv" : `block_${block}`;
    const input = x;
    if (block > 0) x = norm(pointwise(x, `${front}_expand/kernel`), `${front}_expand_BN`, true);
    const taps = read(`${front}_depthwise/depthwise_kernel`);
    x = convolve(
      x,
      stride,
      (window) =>
        window[0]!.map((_, c, { length }) =>
          window.reduce((sum, pixel, i) => sum + pixel[c]! * taps[i * length + c]!, 0)
        ),
    );
    x = norm(
      pointwise(norm(x, `${front}_depthwise_BN`, true), `${front}_project/kernel`),
      `${front}_project_BN`,
      false,
    );
    if (block > 0 && stride === 1) {
      x = x.map((row, i) => row.map((pixel, j) => pixel.map((value, c) => value + input[i]![j]![c]!)));
    }
  }
  return norm(pointwise(x, "Conv_1/kernel"), "Conv_1_bn", true);
}

Deno.test("Teacher gives the features of MobileNetV2 by its definition within 1e-4", async () => {
  const data = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * 31 + (i >> 5) * 17) % 256);
  const backend = createReferenceBackend();
  using teacher = new Teacher(backend, { weights, size: 64, module: await compileDepthwise() });
  const actual = await teacher.features({ width: 64, height: 64, data });
  const lines = Array.from({ length: 64 }, (_, i) => i);
  const image = lines.map((row) =>
    lines.map((column) => [0, 1, 2].map((c) => data[(row * 64 + column) * 3 + c]! / 127.5 - 1))
  );
  const expected = features(image).flat(2);
  assertEquals(actual.length, 2 * 2 * 1280);
  assert(expected.filter((value) => value > 0 && value < 6).length > 1000, "hardly anything is between the clips");
  const difference = largestDifference(actual, expected);
  assert(difference <= 1e-4, `off by ${difference}`);
});

Deno.test("drawView() gives the same view for the same number, and parts of all packs", async () => {
  const photo = (shade: number) => ({ width: 40, height: 30, data: new Uint8Array(3600).fill(shade) });
  const packs = [10, 200].map((shade, i) => ({
    pack: { count: 5, photo: (index: number) => Promise.resolve(photo(shade + index)) },
    share: [0.75, 0.25][i]!,
    leastArea: 0.5,
  }));
  const draw = (number: number) => drawView(packs, { seed: 3, number });
  assertEquals(await draw(7), await draw(7));
  assertNotEquals(await draw(7), await draw(8));
  const views = await Promise.all(Array.from({ length: 400 }, (_, number) => draw(number)));
  const second = views.filter(({ image }) => image.data[0]! >= 200).length;
  assert(second > 70 && second < 130, `${second} of 400 views are of the second pack`);
  for (const { image: { width, height, data } } of views) {
    assert(width <= 40 && height <= 30 && width * height >= 0.45 * 1200, `${width}×${height}`);
    assertEquals(data.length, 3 * width * height);
  }
});

Deno.test("studentPixels() keeps colours in plain light and moves them in another", () => {
  const image = stretch(
    { width: 2, height: 2, data: Uint8Array.from([0, 51, 255, 0, 0, 0, 255, 255, 255, 204, 0, 0]) },
    2,
  );
  const pixels = new Float32Array(12);
  studentPixels(image, plainLight, pixels);
  const near = (expected: number[]) => assert(largestDifference(pixels, expected) < 1e-6, `${pixels}`);
  near([-1, -1, 1, 0.6, -0.6, -1, 1, -1, 1, -1, 1, -1]);
  studentPixels(image, { ...plainLight, brightness: 0.5 }, pixels);
  near([-1, -1, 0, -0.2, -0.8, -1, 0, -1, 0, -1, 0, -1]);
  studentPixels(image, { ...plainLight, saturation: 0 }, pixels);
  const grey = [0.587 * 51 + 0.114 * 255, 0, 255, 0.299 * 204].map((value) => value / 127.5 - 1);
  near([...grey, ...grey, ...grey]);
  studentPixels(image, { ...plainLight, contrast: 0 }, pixels);
  near(new Array(12).fill((51 + 255 * 4 + 204) / 12 / 127.5 - 1));
});
