/**
 * Training runs as processes: a folder with a tiny model and a few rows, and what trains there.
 *
 * @module
 */
import { tinyModel } from "./runtimes/tiny_model.ts";

const door = new URL("../../mod.ts", import.meta.url).href;

/** The folder of the images that rows name. */
export const imageFolder: string = new URL("../fixtures/images", import.meta.url).pathname;

const captions = [
  ["full_colour.jpg", "Many colours."],
  ["palette_4.png", "一个调色板"],
  ["grey_8.png", "Grey from left to right"],
  ["plain.gif", "A GIF, plain and small"],
  ["rgb_8.png", "RGB, eight bits"],
  ["lossy.webp", "From the web"],
] as const;

/** A folder that is removed when it is disposed of. */
export interface TrainFolder extends AsyncDisposable {
  /** Its path; `model` and `rows.jsonl` are in it. */
  readonly folder: string;
}

/** A folder with a tiny model and rows, six unless others are given. */
export async function prepareTraining(
  rows: readonly string[] = captions.map(([image, answer]) => row(image, answer)),
): Promise<TrainFolder> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/model`);
  for (const [name, bytes] of tinyModel()) await Deno.writeFile(`${folder}/model/${name}`, bytes);
  await Deno.writeTextFile(`${folder}/rows.jsonl`, rows.map((line) => `${line}\n`).join(""));
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** A line of upstream's jsonl. */
export function row(image: string, answer: string): string {
  const conversations = [{ role: "user", content: "<image>\nWhat?" }, { role: "assistant", content: answer }];
  return JSON.stringify({ conversations, image });
}

/** Flags of a run of the folder's model on its rows, into its folder `out`. */
export function ownFlags(folder: string, out: string): string[] {
  const [data, model] = [`${folder}/rows.jsonl`, `${folder}/model`];
  return ["--data", data, "--images", imageFolder, "--model", model, "--out", `${folder}/${out}`, "--threads", "1"];
}

/** A process of the command line. */
export function minimind(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-write", door, ...args],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

/** Exit code and texts of a process. */
export interface Ended {
  /** Exit code. */
  readonly code: number;
  /** What it wrote on stdout. */
  readonly stdout: string;
  /** What it wrote on stderr. */
  readonly stderr: string;
}

/** Runs the command line to its end. */
export async function runMinimind(args: readonly string[]): Promise<Ended> {
  const { code, stdout, stderr } = await minimind(args).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out!, stderr: err! };
}

/** Trains in a folder that {@link prepareTraining} made. */
export async function trainIn(folder: string, out: string, flags: readonly string[]): Promise<Ended> {
  return await runMinimind(["train", "sft", ...ownFlags(folder, out), ...flags]);
}
