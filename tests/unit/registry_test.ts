import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { checkPlugin, type Plugin, type PluginKind } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import clip from "../../plugins/clip.ts";
import linear from "../../plugins/linear.ts";
import { builtins, createRegistry } from "../../plugins/mod.ts";
import siglip from "../../plugins/siglip.ts";

const base = new URL("../../examples/custom_encoder/minimind.json", import.meta.url);
const mine = new URL("my_encoder.ts", base);
const registry = new Registry([clip, siglip, linear]);

/** A module with this text, as a specifier. */
const moduleOf = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

/** The text of a module whose default export is an encoder of this name. */
const encoderModule = (name: string) =>
  `export default { contract: 1, kind: "encoder", name: "${name}", summary: "-", parseOptions() {}, create() {} };`;

async function refused(kind: PluginKind, use: string | Plugin): Promise<string> {
  const error = await assertRejects(() => registry.resolve(kind, use, { base }), ConfigError);
  return error.message;
}

Deno.test("Registry lists the plugins of a kind in the order they were registered", () => {
  assertEquals(registry.list("encoder"), [clip, siglip]);
  assertEquals(registry.list("decoder"), []);
  const names = createRegistry().list("encoder").map(({ name }) => name);
  assertEquals(names, ["clip", "siglip", "tiny", "onnx", "transformers"]);
});

Deno.test("Registry.register() refuses a second plugin of a kind and name, but not of a name alone", () => {
  const own = new Registry([clip]);
  own.register({ ...linear, name: "clip" });
  const error = assertThrows(() => own.register({ ...clip }), ConfigError);
  assertEquals(error.message, "Cannot register encoder clip: the name is taken");
  assertEquals(own.list("encoder"), [clip]);
});

Deno.test("Registry.resolve() finds a plugin by name, and takes one as it is", async () => {
  assertEquals(await registry.resolve("encoder", "siglip", { base }), siglip);
  const own = { ...clip, name: "own" };
  assert(await registry.resolve("encoder", own, { base }) === own);
});

Deno.test("Registry.resolve() loads a module relative to the config, by URL and by data URL", async () => {
  for (const use of ["./my_encoder.ts", "../custom_encoder/my_encoder.ts", mine.pathname, mine.href]) {
    assertEquals((await registry.resolve("encoder", use, { base })).name, "my_encoder");
  }
  assertEquals((await registry.resolve("encoder", moduleOf(encoderModule("far")), { base })).name, "far");
});

Deno.test("Registry.resolve() lists what there is when a name is unknown", async () => {
  const hint = "a module starts with ./ or a scheme";
  assertEquals(await refused("encoder", "clipp"), `Cannot find encoder "clipp": there are clip, siglip; ${hint}`);
  assertEquals(await refused("projector", "clip"), `Cannot find projector "clip": there are linear; ${hint}`);
  assertStringIncludes(await refused("encoder", "my_encoder.ts"), hint);
  assertStringIncludes(await refused("encoder", ""), "there are clip, siglip");
});

Deno.test("Registry.resolve() says why a module is no plugin of the kind", async () => {
  assertStringIncludes(await refused("encoder", "./nowhere.ts"), `Cannot load encoder "./nowhere.ts": `);
  assertStringIncludes(await refused("decoder", "./my_encoder.ts"), `it makes a "encoder"`);
  const cases: readonly (readonly [text: string, problem: string])[] = [
    [`export const plugin = {};`, "it is no plugin (a default export is expected)"],
    [`export default 7;`, "it is no plugin"],
    [`export default {};`, "its contract is undefined, expected 1"],
    [`export default { contract: 2, kind: "encoder" };`, "its contract is 2, expected 1"],
    [`export default { contract: 1, kind: "encoder" };`, "it has no parseOptions()"],
    [`export default { contract: 1, kind: "encoder", parseOptions() {} };`, "it has no create()"],
    [`throw new Error("broken inside");`, "broken inside"],
    [`export default (;`, "Cannot load encoder"],
  ];
  for (const [text, problem] of cases) assertStringIncludes(await refused("encoder", moduleOf(text)), problem);
});

Deno.test("Registry.resolve() and checkPlugin() give the reason of a plugin that cannot work here", async () => {
  const absent = { ...clip, unsupported: () => "there is no camera" };
  assertEquals(await refused("encoder", absent), `Cannot use "clip" as encoder: there is no camera`);
  const own = new Registry([absent]);
  await assertRejects(() => own.resolve("encoder", "clip", { base }), ConfigError, "there is no camera");
  const present = { ...clip, unsupported: () => undefined };
  assertEquals(checkPlugin(present, "encoder", "clip"), present);
});

Deno.test("builtins have names of their own, by which createRegistry() finds them", async () => {
  assertEquals(new Set(builtins.map(({ kind, name }) => `${kind} ${name}`)).size, builtins.length);
  for (const plugin of builtins) {
    assert(await createRegistry().resolve(plugin.kind, plugin.name, { base }) === plugin, plugin.name);
  }
});
