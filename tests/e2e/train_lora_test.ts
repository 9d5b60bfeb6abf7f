import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { readLora } from "../../data/lora_file.ts";
import { denoArguments, minimind, RunningCommand, type RunResult } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";

const captions = [
  ["full_colour.jpg", "Many colours."],
  ["grey_8.png", "Grey from left to right"],
  ["plain.gif", "A GIF, plain and small"],
  ["rgb_8.png", "RGB, eight bits"],
] as const;

/** A folder with the tiny model and four rows. */
async function prepare(): Promise<TinyFolder> {
  const folder = await TinyFolder.create();
  const rows = captions.map(([image, answer]) => {
    const conversations = [{ role: "user", content: "<image>\nWhat?" }, { role: "assistant", content: answer }];
    return `${JSON.stringify({ conversations, image })}\n`;
  });
  await Deno.writeTextFile(`${folder.path}/rows.jsonl`, rows.join(""));
  return folder;
}

/** Arguments of a run into `out`. */
function argumentsOf(
  { path, model }: Pick<TinyFolder, "path" | "model">,
  out: string,
  flags: readonly string[],
): string[] {
  const data = ["--data", `${path}/rows.jsonl`, "--images", imagePath(".").replace(/\/$/, "")];
  const size = ["--batch_size", "2", "--max_seq_len", "128", "--threads", "1"];
  return ["train", "sft", "--lora", ...data, "--model", model, "--out", `${path}/${out}`, ...size, ...flags];
}

const allow = ["allow-read", "allow-write"];

async function train(folder: TinyFolder, out: string, ...flags: string[]): Promise<RunResult> {
  return await minimind(argumentsOf(folder, out, flags), { allow });
}

async function answer(...args: string[]): Promise<string> {
  const question = ["--image", imagePath("plain.gif"), "--prompt", "What?", "--temperature", "0"];
  const result = await minimind(["chat", ...args, ...question, "--max_new_tokens", "16", "--threads", "1", "--quiet"]);
  assertEquals([result.code, result.stderr], [0, ""]);
  return result.stdout;
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("minimind train sft --lora learns an adapter that chat uses, by its folder or by its file, and convert merges", async () => {
  await using folder = await prepare();
  const base = await Deno.readFile(`${folder.model}/model.safetensors`);
  const before = await answer(folder.model);
  const layers = ["--lora-layers", "model.layers.*_proj", "--lora-layers", "vision_proj.*"];
  const flags = ["--lora_rank", "8", "--lora_name", "lora_colour", "--learning_rate", "2e-2", "--epochs", "30"];
  const { code, stderr } = await train(folder, "out", ...flags, ...layers, "--val-split", "0.25", "--samples", "1");
  assertEquals(code, 0, stderr);
  // 7 layers of 2 blocks and the projector: ranks times the sums of their sides.
  const parameters = 8 * (2 * (128 + 96 + 96 + 128 + 3 * 256) + 128);
  assertStringIncludes(stderr, `3 rows, 2 batches an epoch, ${parameters} parameters to train`);
  assertMatch(stderr, /^adapter: lora_colour_64\.safetensors, 8\d\.\d kB$/m);

  const out = `${folder.path}/out`;
  const file = `${out}/lora_colour_64.safetensors`;
  assertEquals(names(out).filter((name) => /\.(safetensors|json)$/.test(name)), [
    "adapter.json",
    "lora_colour_64.safetensors",
    "run.json",
  ]);
  assertEquals(names(`${out}/best`), ["adapter.json", "lora_colour_64.safetensors"]);
  assertEquals(JSON.parse(await Deno.readTextFile(`${out}/adapter.json`)), {
    model: "../tiny",
    lora: "lora_colour_64.safetensors",
  });
  assertEquals(JSON.parse(await Deno.readTextFile(`${out}/best/adapter.json`)).model, "../../tiny");
  assertEquals(await Deno.readFile(`${folder.model}/model.safetensors`), base);
  const adapter = readLora(await openCheckpoint([{ name: file, bytes: await Deno.readFile(file) }]));
  assertEquals([adapter.rank, adapter.alpha, adapter.layers.size], [8, 8, 15]);
  for (const [layer, { b }] of adapter.layers) assert(b.toFloat32().some((x) => x !== 0), layer);
  const lines = (await Deno.readTextFile(`${out}/metrics.jsonl`)).trim().split("\n").map((line) => JSON.parse(line));
  const losses = lines.filter(({ type }) => type === "step").map(({ loss }) => loss);
  assert(losses.at(-1) < 1 && losses[0] > 3, losses.join());

  const after = await answer(out);
  assert(after !== before);
  assertEquals(await answer(folder.model, "--lora", file), after);
  assert(await answer(`${out}/best`) !== before);
  const merged = `${folder.path}/merged`;
  const converted = await minimind(["convert", out, merged, "--precision", "f32", "--with-encoder"], { allow });
  assertEquals([converted.code, converted.stderr], [0, ""]);
  assertEquals(await answer(merged), after);

  // The next run goes on from this adapter, and one on top of its folder adds another to it.
  const next = await train(
    folder,
    "next",
    "--lora_weight",
    file,
    "--learning_rate",
    "1e-3",
    "--epochs",
    "1",
    "--log_interval",
    "1",
  );
  assertEquals(next.code, 0, next.stderr);
  assertMatch(next.stderr, /^epoch 1 {2}batch 1\/2 {2}loss [01]\./m);
  const top = await minimind(
    argumentsOf({ path: folder.path, model: out }, "top", [
      "--epochs",
      "1",
      "--log_interval",
      "1",
    ]),
    { allow },
  );
  assertEquals(top.code, 0, top.stderr);
  assertMatch(top.stderr, /^epoch 1 {2}batch 1\/2 {2}loss [01]\./m);
  assertEquals(JSON.parse(await Deno.readTextFile(`${folder.path}/top/adapter.json`)).model, "../out");
  assert(await answer(`${folder.path}/top`) !== before);
});

Deno.test("minimind train sft --lora, killed and resumed, ends with the same adapter", async () => {
  await using folder = await prepare();
  const flags = [
    "--epochs",
    "40",
    "--learning_rate",
    "5e-3",
    "--save_interval",
    "1",
    "--samples",
    "0",
    "--log_interval",
    "1",
  ];
  const whole = await train(folder, "whole", ...flags);
  assertEquals(whole.code, 0, whole.stderr);
  {
    await using running = new RunningCommand(
      Deno.execPath(),
      denoArguments(argumentsOf(folder, "killed", flags), { allow }),
    );
    await running.until(({ stderr }) => /batch [3-9]\/80/.test(stderr));
  }
  const other = await train(folder, "killed", ...flags, "--lora_alpha", "4", "--from_resume", "1");
  assertStringIncludes(other.stderr, 'Cannot go on with the run: lora was {"rank":16,"alpha":16,');
  const resumed = await train(folder, "killed", ...flags, "--from_resume", "1");
  assertEquals(resumed.code, 0, resumed.stderr);
  assertMatch(resumed.stderr, /^going on after \d+ batches$/m);
  const adapter = (out: string) => Deno.readFile(`${folder.path}/${out}/lora_vlm_64.safetensors`);
  assertEquals(await adapter("killed"), await adapter("whole"));
});

Deno.test("minimind train refuses flags of an adapter and of the model together, and what cannot be adapted", async () => {
  await using folder = await prepare();
  const refused = async (...flags: string[]) => {
    const { code, stderr } = await train(folder, "out", ...flags);
    assertEquals(code, 1);
    return stderr;
  };
  assertStringIncludes(await refused("--freeze_llm", "1"), 'Cannot use flag "--freeze-llm" with --lora');
  assertStringIncludes(
    await refused("--lora-weight", "a", "--lora-rank", "2"),
    '"--lora-rank" with --lora-weight: the adapter has its own',
  );
  assertStringIncludes(
    await refused("--lora-layers", "*.norm"),
    'Cannot adapt "*.norm": no linear layer has such a name',
  );
  assertStringIncludes(await refused("--lora-name", "../a"), '"../a" is not the start of a file name');
  assertStringIncludes(
    await refused("--lora-weight", `${folder.model}/model.safetensors`),
    "it is not a matrix of an adapter",
  );
  const weights = `${folder.model}/model.safetensors`;
  assertStringIncludes(
    await refused("--weights", weights),
    "its base must be a model by one name, and one with other weights is none",
  );
  const same = await minimind(argumentsOf(folder, "tiny", []), { allow });
  assertStringIncludes(same.stderr, "it is the folder of its model");
  const without = argumentsOf(folder, "out", ["--lora-name", "a"]).filter((flag) => flag !== "--lora");
  assertStringIncludes((await minimind(without, { allow })).stderr, 'Cannot use flag "--lora-name" without --lora');
});
