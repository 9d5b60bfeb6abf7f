import { assertEquals, assertGreater } from "@std/assert";
import { layeringBreaches, type SourceFile } from "./layering.ts";

const root = new URL("../../", import.meta.url);

/** What holds no file of ours. */
const outside = new Set([".git", ".cache", "node_modules"]);

/** Every text file of the project, by its path from the root. */
function* projectFiles(folder = ""): Generator<SourceFile> {
  for (const entry of Deno.readDirSync(new URL(folder, root))) {
    if (outside.has(entry.name)) continue;
    const path = folder + entry.name;
    if (entry.isDirectory) yield* projectFiles(`${path}/`);
    else if (entry.isFile) {
      const text = Deno.readTextFileSync(new URL(path, root));
      if (!text.includes("\0")) yield { path, text };
    }
  }
}

/** Whether a file names a place that only some machines have. */
function leavesProject({ path, text }: SourceFile): boolean {
  const machine = /(?<![\w.$}-])\/(?:home|root|work|Users|tmp)\/\w/;
  const beside = /\.\.\/shared\b/;
  const madeUp = "/home" + "/web_user"; // where Emscripten lets a program believe to be at home
  return machine.test(text.replaceAll(madeUp, "")) || beside.test(text) && !/^(tests|tools|bench)\//.test(path);
}

/** Files of the AssemblyScript compiler's dialect, which no TypeScript parser reads. */
const assembly = /^backends\/wasm\/assembly\//;

Deno.test("every source file keeps the layers and uses only what its folder may", () => {
  const files = [...projectFiles()].filter(({ path }) => path.endsWith(".ts") && !assembly.test(path));
  assertGreater(files.length, 20);
  assertEquals(files.flatMap(layeringBreaches), []);
});

Deno.test("no file names a path of one machine, and only tests, tools and benchmarks a folder beside the project", () => {
  assertEquals([...projectFiles()].filter(leavesProject).map(({ path }) => path), []);
});

Deno.test("leavesProject() finds paths of one machine and folders beside the project", () => {
  const outside = (path: string, text: string) => leavesProject({ path, text });
  assertEquals(outside("tools/a.py", ["open('", "home", "someone/x')"].join("/")), true);
  assertEquals(outside("README.md", ["see ", "tmp", "x"].join("/")), true);
  assertEquals(outside("core/a.ts", ["..", "..", "shared", "x"].join("/")), true);
  assertEquals(outside("tests/parity/a.ts", ["..", "..", "shared", "x"].join("/")), false);
  assertEquals(outside("README.md", "https://example.com/home/page and src/tmp/x"), false);
});

Deno.test("layeringBreaches() finds every forbidden arrow", () => {
  const forbidden: readonly (readonly [path: string, text: string, breach: string])[] = [
    ["core/a.ts", `import { x } from "../data/b.ts";`, "core/a.ts imports data/b.ts"],
    ["core/graph/a.ts", `import type { x } from "../../backends/b.ts";`, "core/graph/a.ts imports backends/b.ts"],
    ["data/a.ts", `export * from "../encoders/b.ts";`, "data/a.ts imports encoders/b.ts"],
    ["encoders/a.ts", `export { x } from "../decoders/b.ts";`, "encoders/a.ts imports decoders/b.ts"],
    ["decoders/a.ts", `const b = import("../backends/wasm/mod.ts");`, "decoders/a.ts imports backends/wasm/mod.ts"],
    ["trainers/a.ts", `import "../plugins/b.ts";`, "trainers/a.ts imports plugins/b.ts"],
    ["plugins/a.ts", `import { x } from "../mod.ts";`, "plugins/a.ts imports mod.ts"],
    ["models/a.ts", `import "./demo/recipe/b.ts";`, "models/a.ts imports models/demo/recipe/b.ts"],
    ["core/a.ts", `let x: import("../cli/b.ts").X;`, "core/a.ts imports cli/b.ts"],
    ["mod.ts", `import { run } from "./cli/main.ts";`, "mod.ts imports cli/main.ts"],
    ["cli/a.ts", `import "../tests/b.ts";`, "cli/a.ts imports tests/b.ts"],
    ["serve/a.ts", `new Worker(new URL("../cli/w.ts", import.meta.url));`, "serve/a.ts imports cli/w.ts"],
    ["core/a.ts", `import { z } from "zod";`, "core/a.ts imports the package zod"],
    ["backends/a.ts", `import x from "npm:x@1.0.0";`, "backends/a.ts imports the package npm:x@1.0.0"],
    ["backends/a.ts", `import x from "jsr:@a/x";`, "backends/a.ts imports the package jsr:@a/x"],
    ["backends/a.ts", `import "https://a.example/x.ts";`, "backends/a.ts imports the package https://a.example/x.ts"],
    ["data/a.ts", `import fs from "node:fs";`, "data/a.ts imports the runtime module node:fs"],
    ["core/a.ts", `Deno.cwd();`, "core/a.ts uses Deno"],
    ["backends/a.ts", `const { env } = Deno;`, "backends/a.ts uses Deno"],
    ["encoders/a.ts", `globalThis.process.exit();`, "encoders/a.ts uses process"],
    ["decoders/a.ts", `process.env;`, "decoders/a.ts uses process"],
    ["trainers/a.ts", `console.log(1);`, "trainers/a.ts uses console"],
  ];
  for (const [path, text, breach] of forbidden) assertEquals(layeringBreaches({ path, text }), [breach]);
});

Deno.test("layeringBreaches() lets the allowed arrows through", () => {
  const allowed: readonly (readonly [path: string, text: string])[] = [
    ["core/model.ts", `import { x } from "./graph/mod.ts"; export * from "./errors.ts";`],
    ["data/a.ts", `import { z } from "zod"; import { x } from "../core/b.ts";`],
    ["backends/wasm/a.ts", `import { x } from "../../core/b.ts"; import "./kernels.ts";`],
    ["plugins/a.ts", `import { x } from "../encoders/b.ts"; import { y } from "../data/c.ts";`],
    ["mod.ts", `export * from "./plugins/a.ts"; import("./cli/main.ts");`],
    ["cli/a.ts", `import "../mod.ts"; console.log(Deno.args);`],
    ["core/a.ts", `const text = 'import "zod"; Deno.cwd()'; // import "../cli/x.ts"`],
    ["tests/unit/a.ts", `import "../../cli/main.ts"; Deno.cwd();`],
    ["models/demo/recipe/a.ts", `import "../../../cli/main.ts"; import "../../mod.ts"; console.log(Deno.args);`],
  ];
  for (const [path, text] of allowed) assertEquals(layeringBreaches({ path, text }), []);
});
