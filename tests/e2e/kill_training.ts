/**
 * Kills a training run again and again at random moments, lets it go on each time, and compares what it leaves behind
 * with a run that was left alone: `deno task test:kill [KILLS] [SEED]`.
 *
 * @module
 */
import { uniform } from "../../core/sampling.ts";
import { minimind, ownFlags, prepareTraining } from "./train_runs.ts";

/** Options of {@link killTraining}. */
export interface KillOptions {
  /** How often to kill it. */
  readonly kills: number;
  /** Start of the generator of moments. */
  readonly seed: number;
  /** Epochs, of two updates each. */
  readonly epochs: number;
  /** Told what happens. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** What two runs left behind. */
export interface KillOutcome {
  /** How often the run was killed before it was through. */
  readonly kills: number;
  /** Files that differ, none when all is well. */
  readonly differing: readonly string[];
}

const compared = ["model.safetensors", "best/model.safetensors", "checkpoints", "metrics.jsonl"];

/**
 * Runs it. Moments are drawn from the time of the whole process: while it starts, reads, learns, validates or saves.
 * Every update is followed by a checkpoint and every second one by a validation, so many moments are within a save.
 */
export async function killTraining({ kills: wanted, seed, epochs, onNote }: KillOptions): Promise<KillOutcome> {
  await using place = await prepareTraining();
  const { folder } = place;
  const flags = ["--epochs", String(epochs), "--batch_size", "1", "--accumulation_steps", "2", "--max_seq_len", "96"];
  const rates = ["--learning_rate", "2e-3", "--val-split", "0.34", "--save_interval", "1", "--samples", "1"];
  const start = (out: string) => {
    const often = ["--sample_interval", String(2 * epochs), "--from_resume", "1"];
    return new Run(minimind(["train", "sft", ...ownFlags(folder, out), ...flags, ...rates, ...often]));
  };
  const whole = start("whole");
  const { code, text } = await whole.end;
  if (code !== 0) throw new Error(text);
  const [starting, learning] = [whole.begun!, performance.now() - whole.at - whole.begun!];
  onNote?.(`left alone: ${(learning / 1000).toFixed(1)} s after ${(starting / 1000).toFixed(1)} s of starting`);
  let kills = 0;
  for (let i = 0; kills < wanted; i++) {
    const run = start("killed");
    const moment = uniform(seed, i) * (starting + 1.5 * learning / wanted);
    const timer = setTimeout(() => run.kill(), moment);
    const { signal, text } = await run.end;
    clearTimeout(timer);
    if (signal !== "SIGKILL") break; // it was through before
    kills++;
    const batch = /after (\d+) batches/.exec(text)?.[1] ?? (run.begun === undefined ? undefined : "0");
    const from = batch === undefined ? "while it started" : `which went on from batch ${batch}`;
    onNote?.(`killed ${kills}: after ${(moment / 1000).toFixed(2)} s, ${from}`);
  }
  const last = await start("killed").end;
  if (last.code !== 0) throw new Error(last.text);
  const [a, b] = [await contents(`${folder}/whole`), await contents(`${folder}/killed`)];
  const names = [...new Set([...a.keys(), ...b.keys()])];
  return { kills, differing: names.filter((name) => a.get(name) !== b.get(name)) };
}

/** A process, and when it began to learn. */
class Run {
  readonly at: number = performance.now();
  /** Milliseconds until it began to learn; undefined before. */
  begun: number | undefined;
  readonly end: Promise<{ readonly code: number; readonly signal: string | null; readonly text: string }>;
  readonly #child: Deno.ChildProcess;

  constructor(command: Deno.Command) {
    this.#child = command.spawn();
    this.end = this.#follow();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #follow(): Promise<{ readonly code: number; readonly signal: string | null; readonly text: string }> {
    const { stderr, stdout, status } = this.#child;
    const said = stdout.cancel();
    let text = "";
    for await (const piece of stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes("parameters to train")) this.begun ??= performance.now() - this.at;
    }
    await said;
    const { code, signal } = await status;
    return { code, signal, text };
  }
}

/** What a run left behind, by file: digests, and metrics without what a clock says. */
async function contents(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of compared) {
    const path = `${folder}/${name}`;
    const inside = (await Deno.stat(path)).isDirectory
      ? (await Array.fromAsync(Deno.readDir(path))).map((entry) => `${name}/${entry.name}`)
      : [name];
    for (const file of inside) files.set(file, await digest(await Deno.readFile(`${folder}/${file}`)));
  }
  const metrics = await Deno.readTextFile(`${folder}/metrics.jsonl`);
  const timeless = metrics.replaceAll(/"(tokensPerSecond|secondsLeft)":[^,}]*/g, "");
  return files.set("metrics.jsonl", await digest(new TextEncoder().encode(timeless)));
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

if (import.meta.main) {
  const [kills = 20, seed = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 8] = Deno.args.map(Number);
  console.log(`${kills} kills, seed ${seed}`);
  const outcome = await killTraining({ kills, seed, epochs: 15 * kills, onNote: (note) => console.log(note) });
  const well = outcome.kills === kills && outcome.differing.length === 0;
  const result = outcome.differing.length === 0 ? "nothing differs" : `differing: ${outcome.differing.join(", ")}`;
  console.log(`${well ? "passed" : "failed"}: killed ${outcome.kills} times, ${result}`);
  Deno.exit(well ? 0 : 1);
}
