/**
 * `minimind verify`: compares this library with golden numbers made by upstream's own code.
 *
 * @module
 */
import { createReferenceBackend } from "../backends/reference/mod.ts";
import type { WebGpuDevice } from "../backends/webgpu/mod.ts";
import type { Backend } from "../core/backend.ts";
import type { Command } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { filesOnDisk } from "./verify/case_files.ts";
import { type Counts, verifyFolder } from "./verify/verify_folder.ts";

/** The golden cases of the project itself. */
const ownCases = "tests/fixtures/goldens";

/** Most parameters of a model that plain loops get through in seconds. */
const referenceParameters = 2_000_000;

const flags = {
  backend: { type: "string", value: "NAME", summary: "reference, wasm or webgpu (default wasm)" },
  threads: { type: "number", value: "N", summary: "Threads of the wasm backend (default all cores)" },
  large: { type: "boolean", summary: "With reference: models of real size too, which takes minutes" },
  only: { type: "string", value: "PATTERN", summary: "Run only the cases whose name matches this regular expression" },
} as const;

/** Verifies a folder of golden cases. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "Compare with golden numbers made by upstream's own code",
  usage: "[DIR]",
  flags,
  examples: ["verify", "verify --threads 1", "verify ../goldens --backend reference --only 'v[23]-dense'"],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags: { backend = "wasm", threads, only, large }, positional } = parseFlags(args, flags);
  if (positional.length > 1) throw new TypeError(`Cannot verify ${positional.join(", ")}: name one folder`);
  const folder = positional[0] ?? ownCases;
  if (!await isFolder(folder)) throw new Error(`Cannot verify "${folder}": there is no such folder`);
  const start = performance.now();
  const counts = await verifyFolder(filesOnDisk(folder), {
    createBackend: backendMaker(backend, threads),
    maxParameters: backend === "reference" && !large ? referenceParameters : Infinity,
    only: only === undefined ? undefined : parsePattern(only),
    report: (name, { stage, status, detail }) => console.log(`${status.padEnd(7)}  ${name}  ${stage}  ${detail}`),
  });
  console.log(summary(counts, (performance.now() - start) / 1000));
  return counts.failed > 0 ? 1 : 0;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** @throws {TypeError} if there is no such backend, or it has no threads */
function backendMaker(name: string, threads: number | undefined): () => Promise<Backend> {
  switch (name) {
    case "reference":
      if (threads !== undefined) throw new TypeError("Cannot use --threads: the reference backend has one thread");
      return () => Promise.resolve(createReferenceBackend());
    case "wasm": {
      const onNotice = onlyOnce(console.error);
      return async () => {
        const { createWasmBackend } = await import("../backends/wasm/mod.ts");
        return await createWasmBackend({ threads, onNotice });
      };
    }
    case "webgpu": {
      if (threads !== undefined) throw new TypeError("Cannot use --threads: the webgpu backend has none");
      let device: Promise<WebGpuDevice> | undefined; // cases share what was compiled
      return async () => {
        const { createWebGpuBackend, openDevice } = await import("../backends/webgpu/mod.ts");
        return await createWebGpuBackend({ device: await (device ??= openDevice()) });
      };
    }
    default:
      throw new TypeError(`Cannot verify with backend "${name}": there are reference, wasm and webgpu`);
  }
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new TypeError(`Cannot read flag "--only": "${text}" is no regular expression`, { cause });
  }
}

/** Tells each notice once, though every case has a backend of its own. */
function onlyOnce(tell: (notice: string) => void): (notice: string) => void {
  const told = new Set<string>();
  return (notice) => {
    if (!told.has(notice)) tell(notice);
    told.add(notice);
  };
}

function summary(counts: Counts, seconds: number): string {
  const parts = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  return `${parts.join(", ")} in ${seconds.toFixed(1)} s`;
}
