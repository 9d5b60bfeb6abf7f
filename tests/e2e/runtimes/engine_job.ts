/**
 * What the engine is asked to do in a page's worker: pass golden cases that come over HTTP, and train a tiny model.
 *
 * @module
 */
import { createWasmBackend } from "../../../backends/wasm/mod.ts";
import { createWebGpuBackend, openDevice } from "../../../backends/webgpu/mod.ts";
import type { CaseFiles } from "../../../cli/verify/case_files.ts";
import { type Counts, verifyFolder } from "../../../cli/verify/verify_folder.ts";
import type { Backend } from "../../../core/backend.ts";
import { seededBatch, tinyStep } from "../../unit/tiny_training.ts";

/** A job, as JSON. */
export interface EngineJob {
  /** Where to compute. */
  readonly backend: "wasm" | "webgpu";
  /** Threads to ask for on `wasm`. Default all cores. */
  readonly threads?: number;
  /** URL of a folder of golden cases, with a slash at its end; `files.json` in it lists the paths of its files. */
  readonly goldens: string;
  /** Regular expression of the names of the cases to run. Default all. */
  readonly only?: string;
}

/** What came of a job, as JSON. */
export interface EngineOutcome {
  /** Threads of the backend. */
  readonly threads: number;
  /** How many stages ended how. */
  readonly counts: Counts;
  /** Stages that failed, and why. */
  readonly failures: readonly string[];
  /** The loss of each training step. */
  readonly losses: readonly number[];
  /** What the backend gave notice of, each once. */
  readonly notices: readonly string[];
}

/** Does a job. */
export async function runJob({ backend: name, threads, goldens, only }: EngineJob): Promise<EngineOutcome> {
  const notices = new Set<string>();
  using device = name === "webgpu" ? await openDevice() : undefined;
  const createBackend = (): Promise<Backend> =>
    device === undefined
      ? createWasmBackend({ threads, onNotice: (notice) => notices.add(notice) })
      : createWebGpuBackend({ device });
  const failures: string[] = [];
  const counts = await verifyFolder(filesAt(goldens), {
    createBackend,
    maxParameters: Infinity,
    only: only === undefined ? undefined : new RegExp(only),
    report: (name, { stage, status, detail }) => {
      if (status === "failed") failures.push(`${name} ${stage}: ${detail}`);
    },
  });
  await using backend = await createBackend();
  const losses = await trainTiny(backend);
  return { threads: backend.capabilities.threads, counts, failures, losses, notices: [...notices] };
}

/** Trains decoder and projector of a tiny model for 20 steps; gives the loss of each. */
export async function trainTiny(backend: Backend): Promise<number[]> {
  const { step } = tinyStep(backend, { policy: "decoder" });
  using _ = step;
  const batches = ["a", "b"].map((name) => seededBatch(name));
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) {
    losses.push((await step.backward(batches[i % batches.length]!)).total);
    await step.update(3e-3);
  }
  return losses;
}

/** Files that a server has. */
function filesAt(folder: string): CaseFiles {
  return {
    name: folder,
    list: async () => await (await fetch(new URL("files.json", folder))).json(),
    async find(path) {
      const response = await fetch(new URL(path, folder));
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      await response.body?.cancel();
      return undefined;
    },
  };
}
