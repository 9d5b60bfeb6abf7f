import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ModelConfig, parseConfig, partOf } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import { uniform } from "../../core/sampling.ts";
import clip from "../../plugins/clip.ts";
import example from "../../examples/custom_encoder/minimind.json" with { type: "json" };

const full = {
  model: "minimind-3v",
  encoder: { use: "siglip", options: { patch_size: 16 }, weights: ["a.safetensors", "b.safetensors"] },
  projector: "mlp",
  decoder: { use: "minimind", weights: "hf:owner/repository/model.safetensors" },
  backend: { use: "wasm", options: { threads: 2 } },
  weights: "out/sft_vlm_512.pth",
  lora: ["a.safetensors", { file: "b.safetensors", scale: 0.5 }],
  tokenizer: "./model",
  placeholder: { token: "@", match: "exact" },
  generation: { temperature: 0.65, topP: 0.85, maxNewTokens: 256, seed: 42 },
  context: 1024,
};

const refused = (input: unknown, what?: string) => assertThrows(() => parseConfig(input, what), ConfigError).message;

Deno.test("parseConfig() takes every field, each of them absent, and plugin objects", () => {
  assertEquals<unknown>(parseConfig(full), full);
  assertEquals<unknown>(parseConfig({}), {});
  assertEquals<unknown>(parseConfig(example), example);
  for (const key of Object.keys(full)) {
    const { [key as keyof typeof full]: _left, ...rest } = full;
    assertEquals<unknown>(parseConfig(rest), rest);
  }
  assertEquals(parseConfig({ encoder: { use: clip } }).encoder, { use: clip });
});

Deno.test("parseConfig() names the file and the key that is unknown", () => {
  assertEquals(
    refused({ encodr: "clip" }, "minimind.json"),
    `Cannot read "minimind.json": unknown key "encodr", there are encoder, projector, decoder, backend, model, ` +
      `tokenizer, placeholder, generation, weights, lora, context`,
  );
  const part = `Cannot read "config.encoder": unknown key "option", there are use, options, weights`;
  assertEquals(refused({ encoder: { use: "clip", option: {} } }), part);
  const placeholder = `Cannot read "config.placeholder": unknown key "id", there are token, match`;
  assertEquals(refused({ placeholder: { token: "@", id: 34 } }), placeholder);
});

Deno.test("parseConfig() names the key whose value is wrong, the value and what was expected", () => {
  const cases: readonly (readonly [input: unknown, message: string])[] = [
    [null, `"config": null is not an object`],
    [[], `"config": [] is not an object`],
    ["clip", `"config": "clip" is not an object`],
    [undefined, `"config": undefined is not an object`],
    [{ model: 3 }, `"config.model": 3 is not a text`],
    [{ tokenizer: "" }, `"config.tokenizer": "" is not a text`],
    [{ encoder: 3 }, `"config.encoder": 3 is not an object`],
    [{ encoder: null }, `"config.encoder": null is not an object`],
    [{ decoder: {} }, `"config.decoder.use": undefined is not a name, a module or a plugin`],
    [{ decoder: { use: null } }, `"config.decoder.use": null is not a name, a module or a plugin`],
    [{ backend: { use: "wasm", options: 4 } }, `"config.backend.options": 4 is not an object`],
    [{ projector: { use: "mlp", weights: [7] } }, `"config.projector.weights": 7 is not a text`],
    [{ weights: {} }, `"config.weights": {} is not a text`],
    [{ lora: "" }, `"config.lora": "" is not a text`],
    [{ lora: [{ scale: 1 }] }, `"config.lora.file": undefined is not a text`],
    [{ lora: { file: "a", scale: "1" } }, `"config.lora.scale": "1" is not a finite number`],
    [{ weights: ["a", ""] }, `"config.weights": "" is not a text`],
    [{ placeholder: "@" }, `"config.placeholder": "@" is not an object`],
    [{ placeholder: {} }, `"config.placeholder.token": undefined is not a text`],
    [{ placeholder: { token: "@", match: "all" } }, `"config.placeholder.match": "all" is not "exact" or "run"`],
    [{ generation: [] }, `"config.generation": [] is not an object`],
    [{ generation: { topP: "0.9" } }, `"config.generation.topP": "0.9" is not a number`],
    [{ context: 1 }, `"config.context": 1 is not a whole number above 1`],
    [{ context: 10.5 }, `"config.context": 10.5 is not a whole number above 1`],
  ];
  for (const [input, message] of cases) assertEquals(refused(input), `Cannot read ${message}`);
});

/** Values that no key of a config takes. */
const nonsense = [null, -1, 1e999, true, [[]], [{}], "", { use: 7 }, { "": "" }, [""], 0.5];

Deno.test("parseConfig() gives a ConfigError or the same config for 2000 mutations of a full one", () => {
  let refusals = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const mutated = structuredClone(full) as Record<string, unknown>;
    mutate(mutated, (count, draw) => Math.floor(uniform(seed, draw) * count));
    const before = JSON.stringify(mutated);
    try {
      const config: ModelConfig = parseConfig(mutated);
      assertEquals(JSON.stringify(config), before);
    } catch (error) {
      assert(error instanceof ConfigError, `seed ${seed}: ${error}`);
      refusals++;
    }
  }
  assert(refusals > 500 && refusals < 2000, `${refusals} refused`);
});

/** Replaces, removes, renames or adds one value at a drawn place. */
function mutate(config: Record<string, unknown>, pick: (count: number, draw: number) => number): void {
  let target = config;
  for (let depth = 0; depth < 2; depth++) {
    const inner = Object.values(target).filter((value) => typeof value === "object" && value !== null);
    const chosen = inner[pick(inner.length + 1, depth)];
    if (chosen === undefined) break;
    target = chosen as Record<string, unknown>;
  }
  const keys = Object.keys(target);
  const key = keys[pick(keys.length, 3)]!;
  const action = pick(4, 4);
  const value = nonsense[pick(nonsense.length, 5)];
  if (action === 3) target[`${key}?`] = value;
  else target[key] = value;
  if (action === 1) delete target[key];
}

Deno.test("partOf() gives the long form of a part", () => {
  assertEquals(partOf("clip"), { use: "clip" });
  const part = { use: "clip", options: {} };
  assert(partOf(part) === part);
});
