/**
 * Bundles the library, or other modules, for Node and browsers, and tells the sizes:
 * `deno run --no-lock --allow-all tools/bundle.ts FOLDER [MODULE…]`.
 *
 * @module
 */
import { basename, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = new URL("../", import.meta.url);

/** The part of esbuild that is used. */
export interface Esbuild {
  transform(code: string, options: Readonly<Record<string, unknown>>): Promise<{ readonly code: string }>;
  stop(): Promise<void>;
}

/** The version that `deno bundle` itself runs. */
const esbuildVersion = "0.25.5";

/** What Node 20 and browsers of 2023 understand; `using` declarations, for one, came later. */
const target = "es2022";

/** Loads it; by a computed name, so that no one fetches it who only checks this file. */
export async function loadEsbuild(): Promise<Esbuild> {
  return await import(["npm:esbuild", esbuildVersion].join("@"));
}

/** Options of {@link bundle}. */
export interface BundleOptions {
  /** Whether what only some modules need, or need later, has files of its own. Default true. */
  readonly split?: boolean;
  /** Imports that are left out, `*` for any characters. Default none. */
  readonly external?: readonly string[];
}

/**
 * Bundles modules into a folder: for each an ES module of its name with its named exports, minified, and what only
 * some need in files of their own, which are loaded when they are needed.
 *
 * So are modules of Node, unless all need them. Packages that are imported by a computed name are left out.
 *
 * @throws {Error} with the bundler's words if it fails
 */
export async function bundle(modules: readonly URL[], folder: string, options: BundleOptions = {}): Promise<void> {
  await joinModules(modules, folder, options);
  const esbuild = await loadEsbuild();
  try {
    for (const name of await scripts(folder)) {
      const path = join(folder, name);
      const joined = withoutCache(await Deno.readTextFile(path));
      const { code } = await esbuild.transform(joined, { target, format: "esm", minify: true });
      await Deno.writeTextFile(path, code);
    }
  } finally {
    await esbuild.stop();
  }
  await Deno.writeTextFile(join(folder, "package.json"), `{ "type": "module" }\n`); // for Node
}

/** The code without the way to the cache of packages, which other machines have elsewhere: modules are named by it. */
function withoutCache(code: string): string {
  return code.replace(/"(?:\.\.\/)+[^"\n]*?\/npm\/[^"\/\n]+\/([^"\n]+)"/g, '"npm:$1"');
}

async function joinModules(
  modules: readonly URL[],
  folder: string,
  { split = true, external = [] }: BundleOptions,
): Promise<void> {
  const sources = await Deno.makeTempDir();
  try {
    const entries = modules.map((module) => join(sources, basename(fileURLToPath(module))));
    // A module that is imported is not the main one, so the bundler drops what the library does as such: start the
    // command line.
    for (const [i, { href }] of modules.entries()) {
      await Deno.writeTextFile(entries[i]!, `export * from ${JSON.stringify(href)};\n`);
    }
    const options = [
      ...["--quiet", "--no-lock", "--config", fileURLToPath(new URL("deno.json", root)), "--platform", "browser"],
      ...split ? ["--code-splitting"] : [],
      ...external.map((name) => `--external=${name}`),
    ];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", ...options, "--outdir", folder, ...entries],
      stdout: "null",
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(`Cannot bundle "${modules.join(" ")}": ${new TextDecoder().decode(stderr).trim()}`);
  } finally {
    await Deno.remove(sources, { recursive: true });
  }
}

/** Names of the scripts in a folder. */
async function scripts(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".js"));
}

/** A script and those that load with it. */
async function withImports(folder: string, name: string, known = new Set<string>()): Promise<Set<string>> {
  if (known.has(name)) return known;
  known.add(name);
  const code = await Deno.readTextFile(join(folder, name));
  for (const [, other] of code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) await withImports(folder, other!, known);
  return known;
}

/** Sizes of scripts in words. */
async function sizes(folder: string, names: Iterable<string>): Promise<string> {
  let [plain, packed] = [0, 0];
  for (const name of names) {
    const bytes = await Deno.readFile(join(folder, name));
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
    plain += bytes.length;
    packed += (await new Response(stream).bytes()).length;
  }
  return `${Math.ceil(plain / 1000)} kB, ${Math.ceil(packed / 1000)} kB gzipped`;
}

if (import.meta.main) {
  const [folder, ...paths] = Deno.args;
  if (folder === undefined) throw new TypeError("Cannot bundle: no folder was given");
  const modules = paths.length === 0 ? [new URL("mod.ts", root)] : paths.map((path) => pathToFileURL(path));
  await bundle(modules, folder);
  for (const { pathname } of modules) {
    const name = `${basename(pathname, extname(pathname))}.js`;
    console.log(`${name}: ${await sizes(folder, await withImports(folder, name))}`);
  }
  console.log(`all: ${await sizes(folder, await scripts(folder))}`);
}
