import { assert } from "@std/assert";
import { parseConfig, partOf } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import { partKinds } from "../../core/plugin.ts";
import { presets } from "../../models/mod.ts";
import { createRegistry } from "../../plugins/mod.ts";

/** Values that a hand or a program might put in the wrong place. */
const strange = [
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  NaN,
  "",
  "clip",
  "../x",
  [],
  [[]],
  {},
  { use: 3 },
  { use: "" },
  "9".repeat(99),
];

Deno.test("2,000 mutated configs are read, or refused by a ConfigError, options of plugins included", () => {
  const registry = createRegistry();
  let seed = 7;
  const draw = (below: number) => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    return (seed >>> 8) % below;
  };
  const configs = [...presets.values()].map(({ config }) => config);
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const config = structuredClone(configs[draw(configs.length)]!) as Record<string, unknown>;
    for (let n = 1 + draw(3); n > 0; n--) mutate(config, draw);
    try {
      const read = parseConfig(config);
      for (const kind of partKinds) {
        const part = read[kind];
        if (part === undefined) continue;
        const { use, options = {} } = partOf<typeof kind>(part);
        const plugin = registry.list(kind).find(({ name }) => name === use);
        plugin?.parseOptions(options);
      }
    } catch (error) {
      assert(error instanceof ConfigError, `${error}`);
      assert(error.message.startsWith("Cannot "), error.message);
      refused++;
    }
  }
  assert(refused > 1000, `only ${refused} were refused`);
});

/** Changes, adds, renames or removes one value anywhere inside. */
function mutate(value: Record<string, unknown>, draw: (below: number) => number): void {
  const keys = Object.keys(value);
  const key = keys[draw(keys.length)] ?? "model";
  const inside = value[key];
  if (typeof inside === "object" && inside !== null && !Array.isArray(inside) && draw(3) > 0) {
    return mutate(inside as Record<string, unknown>, draw);
  }
  const how = draw(4);
  if (how === 0) delete value[key];
  else if (how === 1) value[`${key}x`] = inside;
  else value[key] = strange[draw(strange.length)];
}
