import { assert, assertEquals, assertThrows } from "@std/assert";
import { type PartConfig, partOf } from "../../core/config.ts";
import type { GraphEncoder } from "../../core/encoder.ts";
import { ConfigError } from "../../core/errors.ts";
import { byteLength } from "../../core/graph/tensor.ts";
import { createModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import { samplingSettings } from "../../core/sampling.ts";
import { isCommit, parseHubName } from "../../data/hub/hub_name.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createSiglip, parseSiglipOptions } from "../../encoders/siglip.ts";
import { findPreset, type Preset, presets } from "../../models/mod.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";

const part = (part: string | PartConfig | undefined) => partOf(part!);

/** The encoder that a preset describes, made from the options it gives. */
function encoderOf({ config }: Preset) {
  const { use, options } = part(config.encoder);
  return use === "clip" ? createClip(parseClipOptions(options)) : createSiglip(parseSiglipOptions(options));
}

/** The model that a preset describes, with its encoder if one is given. */
function modelOf(preset: Preset, encoder?: GraphEncoder) {
  const { config } = preset;
  const { output } = encoderOf(preset);
  const decoder = createMiniMind(parseMiniMindOptions(part(config.decoder).options));
  const create = part(config.projector).use === "linear" ? createLinearProjector : createMlpProjector;
  const projector = create({ input: output, width: decoder.width });
  const match = config.placeholder?.match ?? "run";
  return createModel({ encoder, projector, decoder, placeholder: { marker: 0, tokens: output.tokens, match } });
}

Deno.test("no parameter of a released model takes more than the 32 MiB that a buffer of weights may have", () => {
  for (const preset of presets.values()) {
    const sizes = [...planParameters(modelOf(preset, encoderOf(preset))).storages.values()].map(byteLength);
    assert(Math.max(...sizes) <= 32 * 2 ** 20, preset.name);
  }
});

Deno.test("presets describe models with as many parameters as they say and as upstream counted", () => {
  const counts = [...presets.values()].map((preset) => {
    assertEquals(planParameters(modelOf(preset)).parameterBytes / 4, preset.parameters, preset.name);
    return [preset.name, preset.parameters, modelOf(preset).placeholder.tokens];
  });
  assertEquals(counts, [
    ["minimind2-small-v", 26_223_616, 196],
    ["minimind2-v", 104_621_568, 196],
    ["minimind-3v", 65_094_912, 64],
    ["minimind-3v-moe", 199_599_360, 64],
  ]);
});

Deno.test("presets name files of the hub, and give checksums only of those whose revision is fixed", () => {
  for (const { name, config, files, description, license } of presets.values()) {
    const weights = [part(config.encoder).weights, config.weights].flat();
    const named = [...weights, config.tokenizer];
    for (const file of named) assert(parseHubName(file!).repository.includes("/"), name);
    for (const [file, { size, sha256 }] of files) {
      assert(weights.includes(file), `${name} does not use ${file}`);
      assert(isCommit(parseHubName(file).revision) && size > 0 && /^[0-9a-f]{64}$/.test(sha256), file);
    }
    assertEquals(samplingSettings(config.generation)[1], 50);
    assert(description.length < 110 && license !== "");
  }
});

Deno.test("findPreset() takes upstream's spellings", () => {
  const spellings = ["MiniMind2-Small-V", "minimind2_v", "jingyaogong/minimind-3v", "MINIMIND-3V-MOE", "minimind3v"];
  assertEquals(spellings.map((name) => findPreset(name).name), [
    "minimind2-small-v",
    "minimind2-v",
    "minimind-3v",
    "minimind-3v-moe",
    "minimind-3v",
  ]);
});

Deno.test("findPreset() names the nearest model and all there are", () => {
  const all = "it is no file or folder, and released are minimind2-small-v, minimind2-v, minimind-3v, minimind-3v-moe";
  assertThrows(
    () => findPreset("minimind2-samll-v"),
    ConfigError,
    `Cannot find model "minimind2-samll-v": did you mean minimind2-small-v? ${all}`,
  );
  assertThrows(() => findPreset("llama"), ConfigError, `Cannot find model "llama": ${all}`);
});
