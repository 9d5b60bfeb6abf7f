import { assert, assertEquals } from "@std/assert";
import { parseMiniMindOptions, ropeTables } from "../../decoders/minimind/mod.ts";
import { largestDifference } from "./seeded_run.ts";

const yarn = { type: "yarn", factor: 16, original_max_position_embeddings: 2048, beta_fast: 32, beta_slow: 1 };
const soft = { ...yarn, factor: 4, original_max_position_embeddings: 4096, attention_factor: 1.25 };

/** cos and sin of one position. */
function rowAt(position: number, config: object): { cos: Float32Array; sin: Float32Array } {
  const options = parseMiniMindOptions({ generation: 3, head_dim: 16, ...config });
  const { cos, sin } = ropeTables(options, position + 1);
  const half = options.headDim / 2;
  return { cos: cos.subarray(position * half), sin: sin.subarray(position * half) };
}

function near(actual: ArrayLike<number>, expected: number[]): void {
  const difference = largestDifference(actual, expected);
  assert(difference <= 1e-6, `off by ${difference}`);
}

Deno.test("ropeTables() matches PyTorch's plain table at positions 1 and 32767 within 1e-6", () => {
  const first = rowAt(1, {});
  near(first.cos, [0.54030234, 0.98423022, 0.99950004, 0.9999842, 0.99999952, 1.0, 1.0, 1.0]);
  near(first.sin, [0.84147096, 0.17689219, 0.03161751, 0.00562338, 0.001, 0.00017783, 3.162e-05, 5.62e-06]);
  const last = rowAt(32767, {});
  near(last.cos, [0.98226333, -0.72055852, 0.85668802, -0.46107355, 0.21795711, 0.89769018, 0.50950795, 0.98307168]);
  near(last.sin, [0.18750656, 0.69339412, -0.51583493, 0.88736194, 0.97595835, -0.44062719, 0.86046594, 0.18322146]);
});

Deno.test("ropeTables() matches PyTorch's YaRN table at positions 2047 and 32767 within 1e-6", () => {
  const middle = rowAt(2047, { rope_scaling: yarn });
  near(middle.cos, [0.24971525, 0.91674018, 0.86740601, -0.38546956, 0.99182713, 0.9997412, 0.99999183, 0.99999976]);
  near(middle.sin, [-0.9683193, -0.39948398, 0.49760103, -0.92272055, 0.12758878, 0.0227489, 0.00404573, 0.00071945]);
  const last = rowAt(32767, { rope_scaling: yarn });
  near(last.cos, [0.98226333, -0.72055852, -0.72112417, 0.99986142, -0.45924166, 0.934416, 0.9979037, 0.99993372]);
  near(last.sin, [0.18750656, 0.69339412, 0.69280583, -0.01664894, 0.88831139, 0.35618368, 0.06471621, 0.01151615]);
});

Deno.test("ropeTables() scales the YaRN table by the attention factor within 1e-6", () => {
  const last = rowAt(32767, { rope_scaling: soft, rope_theta: 1e4 });
  near(last.cos, [1.22782922, 0.813281, -1.24977875, 1.24858046, -1.03853035, 0.2728636, -0.41422859, -1.06491423]);
  near(last.sin, [0.2343832, 0.94924921, -0.02351546, -0.059554, -0.69566852, 1.21985459, 1.1793704, 0.65456682]);
});

Deno.test("ropeTables() rounds powers as PyTorch does where that is not the nearest number, within 1e-6", () => {
  const { cos, sin } = rowAt(32767, { head_dim: 96, rope_scaling: soft, rope_theta: 1e4 });
  near(cos.subarray(20, 21), [0.5377813]);
  near(sin.subarray(20, 21), [1.12840211]);
});

Deno.test("ropeTables() stretches nothing when the model allows no more than the original positions", () => {
  const config = { max_position_embeddings: 2048 };
  assertEquals(rowAt(2047, { ...config, rope_scaling: yarn }), rowAt(2047, config));
});
