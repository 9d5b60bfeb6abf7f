import { assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import type { Plugin } from "../../core/plugin.ts";
import { builtins } from "../../plugins/mod.ts";
import linear from "../../plugins/linear.ts";
import { checkPlugin, type PluginCheckOptions } from "./check_plugin.ts";

const channels = { image_mean: [0, 0, 0], image_std: [1, 1, 1] };

/** Options that each built-in plugin takes, and some that it refuses. */
const samples: Record<string, PluginCheckOptions> = {
  clip: { options: { image_size: 32, patch_size: 16 }, wrong: [{ patch_size: "16" }, { image_size: 30 }] },
  siglip: { options: { vision_config: { image_size: 256 } }, wrong: [{ hidden_size: 7 }, { num_channels: 1 }] },
  tiny: {
    options: { image_size: 96, stem_widths: [8, 192], stem_strides: [2, 3], stem_depths: [1, 0] },
    wrong: [{ stem_widths: [192] }, { stem_strides: [2, 2, 2, 4] }, { patch_size: 16 }, { hidden_size: 96 }],
  },
  onnx: {
    options: { file: "vit.onnx", ...channels, output: 1, drop_first: 1, image_size: 32, fit: "crop" },
    wrong: [
      {},
      { file: "vit.onnx" },
      { file: "vit.onnx", image_mean: [0, 0, 0] },
      { ...channels },
      { file: 1, ...channels },
      { file: "vit.onnx", ...channels, image_std: [1, 1] },
      { file: "vit.onnx", ...channels, image_std: [1, 1, "1"] },
      { file: "vit.onnx", ...channels, output: -1 },
      { file: "vit.onnx", ...channels, drop_first: 0.5 },
      { file: "vit.onnx", ...channels, fit: "squash" },
      { file: "vit.onnx", ...channels, filter: "nearest" },
      { file: "vit.onnx", ...channels, dropFirst: 1 },
    ],
  },
  transformers: {
    options: { model: "./vit", dtype: "q8", class: "SiglipVisionModel", filter: "bilinear" },
    wrong: [{}, { model: "" }, { model: "a/b", image_size: 0 }, { model: "a/b", mean: [0, 0, 0] }],
  },
  linear: { wrong: [{ width: 5 }] },
  mlp: { wrong: [{ hidden_size: 5 }] },
  minimind: {
    options: { generation: 3, hidden_size: 64 },
    wrong: [{}, { generation: 4 }, { generation: 2, dropout: 1 }],
  },
  wasm: { options: { threads: 2, relaxedSimd: false }, wrong: [{ threads: 0 }, { relaxedSimd: 1 }, { thread: 2 }] },
  reference: { wrong: [{ threads: 1 }] },
};

for (const plugin of builtins) {
  Deno.test(`checkPlugin() accepts the built-in ${plugin.kind} "${plugin.name}"`, () => {
    checkPlugin(plugin, samples[plugin.name]!);
  });
}

Deno.test("checkPlugin() refuses a plugin that breaks its promises", () => {
  const refused = (changes: Record<string, unknown>, problem: string, options?: PluginCheckOptions) => {
    const plugin = { ...linear, ...changes } as Plugin;
    assertStringIncludes(assertThrows(() => checkPlugin(plugin, options), Error).message, problem);
  };
  refused({ contract: 2 }, "its contract is 2, expected 1");
  refused({ kind: "adaptor" }, 'its kind is "adaptor"');
  refused({ name: "./linear" }, "its name is not of letters");
  refused({ summary: "one\ntwo" }, "its summary is not one line");
  refused({ create: undefined }, "it has no create()");
  refused({ unsupported: () => "" }, 'unsupported() gives ""');
  refused({ parseOptions: () => ({}) }, "parseOptions() takes undefined");
  refused({ parseOptions: linear.parseOptions }, "parseOptions() takes {}", { wrong: [{}] });
  const crashing = (input: unknown) => {
    if (typeof input !== "object" || input === null || Array.isArray(input)) throw new TypeError("is no object");
  };
  refused({ parseOptions: crashing }, "refuses undefined with TypeError: is no object, expected a ConfigError");
  const changing = (input: unknown) => {
    if (typeof input !== "object" || input === null) throw new ConfigError("Cannot read options");
    Object.assign(input, { width: 1 });
  };
  refused({ parseOptions: changing }, "parseOptions() changes what it is given");
});
