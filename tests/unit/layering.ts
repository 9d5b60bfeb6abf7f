/**
 * Reads a source file and says where it breaks the layering: which folder may import which, and who may use
 * packages and the runtime.
 *
 * @module
 */
/// <reference lib="deno.unstable" />

/** A source file of the project. */
export interface SourceFile {
  /** Path from the project's root, with `/`. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
}

/** Rank of each top folder: a file imports its own folder and lower ranks, never another folder of its rank. */
const ranks: Readonly<Record<string, number>> = {
  core: 0,
  data: 1,
  backends: 2,
  encoders: 2,
  projectors: 2,
  decoders: 2,
  trainers: 2,
  serve: 2,
  models: 2,
  plugins: 3,
  sdk: 4,
  "mod.ts": 5,
  "checkpoints.ts": 5,
  "engine.ts": 5,
  "train.ts": 5,
  cli: 6,
  "models/demo/recipe": 7,
};

/** The engine: plain files that run wherever JavaScript runs. */
const withoutPackages = ["core", "backends"];

/** Folders that use nothing of one runtime. */
const withoutRuntime = ["core", "backends", "data", "encoders", "projectors", "decoders"];

/** Folders of the library, which never write to the console. */
const withoutConsole = Object.keys(ranks).filter((folder) => ranks[folder]! < ranks["cli"]!);

/** Every breach in a file, one line each; empty when it keeps the rules or lies outside the layers. */
export function layeringBreaches(file: SourceFile): string[] {
  const folder = topOf(file.path);
  if (!(folder in ranks)) return [];
  const { imports, globals } = parse(file);
  return [
    ...imports.flatMap((use) => importBreach(file.path, use)),
    ...globals.flatMap((name) => {
      const banned = name === "console" ? withoutConsole : withoutRuntime;
      return banned.includes(folder) ? [`${file.path} uses ${name}`] : [];
    }),
  ];
}

/** One import: static, or by `import()`. */
interface Import {
  readonly specifier: string;
  readonly dynamic: boolean;
}

function importBreach(from: string, { specifier, dynamic }: Import): string[] {
  const folder = topOf(from);
  if (!/^\.\.?\//.test(specifier)) {
    if (withoutPackages.includes(folder)) return [`${from} imports the package ${specifier}`];
    const runtime = specifier.startsWith("node:") && withoutRuntime.includes(folder);
    return runtime ? [`${from} imports the runtime module ${specifier}`] : [];
  }
  const target = new URL(specifier, `file:///${from}`).pathname.slice(1);
  const other = topOf(target);
  if (other === folder) return [];
  // The package's door reaches the command line only when run as main, and only then loads it.
  if (folder === "mod.ts" && other === "cli" && dynamic) return [];
  const allowed = other in ranks && ranks[other]! < ranks[folder]!;
  return allowed ? [] : [`${from} imports ${target}`];
}

function topOf(path: string): string {
  const script = "models/demo/recipe";
  return path.startsWith(`${script}/`) ? script : path.split("/")[0]!;
}

/** What a file imports and which globals of a runtime it names, from its syntax tree. */
function parse(file: SourceFile): { imports: Import[]; globals: string[] } {
  const imports: Import[] = [];
  const globals = new Set<string>();
  const add = (source: { value: unknown } | null, dynamic: boolean) => {
    if (source !== null) imports.push({ specifier: String(source.value), dynamic });
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: (node) => add(node.source, false),
    ExportNamedDeclaration: (node) => add(node.source, false),
    ExportAllDeclaration: (node) => add(node.source, false),
    ImportExpression: (node) => add(node.source.type === "Literal" ? node.source : null, true),
    TSImportType: (node) => add(node.argument.type === "TSLiteralType" ? literal(node.argument.literal) : null, false),
    NewExpression: (node) => {
      // new Worker(new URL("./worker.ts", import.meta.url))
      const [first, second] = node.arguments;
      const url = node.callee.type === "Identifier" && node.callee.name === "URL" && second !== undefined;
      if (url && first?.type === "Literal" && /^\.\.?\//.test(String(first.value))) add(first, true);
    },
    Identifier: (node) => {
      if (node.name === "Deno") globals.add("Deno");
    },
    MemberExpression: ({ object, property }) => {
      const runtime = ["Deno", "Bun", "process", "Buffer", "console"];
      if (object.type === "Identifier" && runtime.includes(object.name)) globals.add(object.name);
      const indirect = object.type === "Identifier" && object.name === "globalThis" && property.type === "Identifier";
      if (indirect && runtime.includes(property.name)) globals.add(property.name);
    },
  };
  const plugin: Deno.lint.Plugin = { name: "layering", rules: { layering: { create: () => visitor } } };
  Deno.lint.runPlugin(plugin, file.path, file.text);
  return { imports, globals: [...globals] };
}

function literal(node: { type: string }): { value: unknown } | null {
  return "value" in node ? { value: node.value } : null;
}
