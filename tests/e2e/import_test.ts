import { assert, assertEquals } from "@std/assert";

/** A module as `deno info --json` tells of it. */
interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** What a program that chats may never need: it is loaded for the first one that does. */
const later = new RegExp([
  ...["/cli/", "/trainers/", "/backends/", "/serve/", "/grammar/", "/datasets/", "/metrics/"],
  ...[
    "/torch_checkpoint/(?!format)",
    "/hub/(?!hub_name|hub_error)",
    "/image/(?!preprocessor\\.)",
    "/lora_",
    "/encoders/onnx",
  ],
  ...["/encoders/transformers", "\\.generated\\.ts$"],
].join("|"));

Deno.test("importing mod.ts loads no package, no module of Node and nothing that only some programs need", async () => {
  const root = new URL("../../", import.meta.url);
  const args = ["info", "--json", "mod.ts"];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    readonly roots: readonly string[];
    readonly modules: readonly Module[];
  };
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set(roots);
  for (const name of loaded) {
    for (const { code, isDynamic } of byName.get(name)?.dependencies ?? []) {
      if (code?.specifier !== undefined && !isDynamic) loaded.add(code.specifier);
    }
  }
  assert(loaded.size > 80 && loaded.size < 130, `${loaded.size} modules`);
  const needless = (name: string) => !name.startsWith(root.href) || later.test(name);
  assertEquals([...loaded].filter(needless), []);
});
