/**
 * Which of `wasm` and `webgpu` is faster here: measured once, and remembered where notes are kept.
 *
 * @module
 */
import type { AdapterReport } from "../backends/webgpu/mod.ts";
import type { Backend } from "../core/backend.ts";
import type { PluginContext } from "../core/plugin.ts";
import { rememberedSpeed } from "./remembered_speed.ts";
import { timeAnswer } from "./time_answer.ts";
import wasm, { type WasmPluginOptions } from "./wasm.ts";
import { createTested } from "./webgpu.ts";

/** Options of {@link chooseBackend}: those of `wasm`, and what is compared by what. */
export interface ChoiceOptions extends WasmPluginOptions {
  /** Whether an adapter that computes in software takes part. Default false: wasm is faster. */
  readonly software?: boolean | undefined;
  /** Milliseconds that a backend takes for the work that matters. Default {@link timeAnswer}. */
  readonly measure?: ((backend: Backend) => Promise<number>) | undefined;
}

/** What was chosen. */
export interface BackendChoice {
  /** The backend. */
  readonly backend: Backend;
  /** Why it is that one, in a few words. */
  readonly reason: string;
  /** Whether that was `measured` now or is `remembered`; `alone` where there is nothing to compare wasm with. */
  readonly from: "measured" | "remembered" | "alone";
}

/**
 * Chooses the faster backend; `wasm` without another word where WebGPU has no adapter, one in software, which is turned
 * down before anything is compiled for it, or one that computes wrongly.
 */
export async function chooseBackend(options: ChoiceOptions, context: PluginContext): Promise<BackendChoice> {
  const { measure = timeAnswer, software: allowed = false } = options;
  const alone = async (reason: string): Promise<BackendChoice> => {
    return { backend: await wasm.create(options, context), reason, from: "alone" };
  };
  const { describeAdapter, findAdapter } = await import("../backends/webgpu/mod.ts");
  const adapter = await findAdapter();
  if (typeof adapter === "string") return await alone(adapter);
  const report = describeAdapter(adapter);
  if (report.software && !allowed) return await alone(`${report.description} computes in software`);

  const memory = rememberedSpeed(report, { options, notes: context.notes });
  let speed = await memory.read();
  const from = speed === undefined ? "measured" : "remembered";
  if (speed !== undefined && speed <= 1) {
    return { backend: await wasm.create(options, context), reason: reasonOf(speed, report), from };
  }
  let processor: Backend | undefined, graphics: Backend | undefined;
  const notices: string[] = []; // what wasm lacks matters only if it is chosen
  try {
    graphics = await createTested({ adapter });
    if (speed === undefined) {
      processor = await wasm.create(options, { ...context, notice: (notice) => notices.push(notice) });
      const milliseconds = await measure(processor);
      speed = milliseconds / await measure(graphics);
      await memory.write(speed);
    }
  } catch (error) {
    await graphics?.[Symbol.asyncDispose]();
    await processor?.[Symbol.asyncDispose]();
    return await alone(error instanceof Error ? error.message : String(error));
  }
  const [backend, slower] = speed > 1 || processor === undefined ? [graphics, processor] : [processor, graphics];
  await slower?.[Symbol.asyncDispose]();
  if (backend === processor) notices.forEach(context.notice);
  return { backend, reason: reasonOf(speed, report), from };
}

function reasonOf(speed: number, { description }: AdapterReport): string {
  return speed > 1
    ? `${speed.toFixed(1)}x wasm on ${description}`
    : `${(1 / speed).toFixed(1)}x webgpu on ${description}`;
}
