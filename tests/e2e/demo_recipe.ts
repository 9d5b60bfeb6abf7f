/**
 * The recipe's data in small, and its stages as commands.
 *
 * @module
 */
import { writeSafetensors } from "../../data/safetensors_writer.ts";
import { teacherWeights } from "../unit/demo_teacher_weights.ts";

/** The repository. */
export const root = new URL("../../", import.meta.url);
/** A tiny encoder's `config.json`. */
export const encoder = {
  image_size: 36,
  stem_widths: [4, 8],
  stem_strides: [2, 3],
  stem_depths: [0, 1],
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
};

/** A folder with packs of the fixtures' photos and a narrow teacher. */
export async function makeData(): Promise<string> {
  const data = await Deno.makeTempDir();
  const images = new URL("tests/fixtures/images/", root);
  const files = ["baseline.jpg", "full_colour.jpg", "progressive.jpg", "restarts.jpg"].map((name) =>
    Deno.readFileSync(new URL(name, images))
  );
  for (const path of ["flickr8k-cn/train", "flickr8k-cn/val", "tiny-imagenet-126/train"]) {
    await Deno.mkdir(`${data}/${path.split("/")[0]}`, { recursive: true });
    let offset = 0;
    const lines = files.map(({ length }) => JSON.stringify({ offset: (offset += length) - length, length }));
    await Deno.writeFile(`${data}/${path}.bin`, new Uint8Array(await new Blob(files).arrayBuffer()));
    await Deno.writeTextFile(`${data}/${path}.jsonl`, `${lines.join("\n")}\n`);
  }
  const weights = teacherWeights({ stem: 4, hidden: 8, width: 4, features: 1280 });
  await Deno.mkdir(`${data}/mobilenetv2-035-imagenet`);
  const file = `${data}/mobilenetv2-035-imagenet/mobilenetv2_035_224_base.safetensors`;
  await Deno.writeFile(file, writeSafetensors(weights));
  await Deno.writeTextFile(`${data}/encoder.json`, JSON.stringify(encoder));
  return data;
}

/** Runs the encoder's stage. */
export async function distil(data: string, out: string, ...flags: string[]): Promise<StageOutcome> {
  const numbers = ["--views", "2", "--validation", "4", "--warmup", "2", "--cooldown", "1", "--survey", "16"];
  return await stage("distil.ts", [
    "--data",
    data,
    "--config",
    `${data}/encoder.json`,
    "--out",
    out,
    ...numbers,
    ...flags,
  ]);
}

/** How a stage ended. */
export interface StageOutcome {
  /** Whether it came to its end. */
  readonly success: boolean;
  /** What it said on stderr. */
  readonly error: string;
}

/** Runs a stage of the recipe. */
export async function stage(script: string, args: readonly string[]): Promise<StageOutcome> {
  const { href } = new URL(`models/demo/recipe/${script}`, root);
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", href, ...args], cwd: root });
  const { success, stderr } = await command.output();
  return { success, error: new TextDecoder().decode(stderr) };
}
