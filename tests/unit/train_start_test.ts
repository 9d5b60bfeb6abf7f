import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseFlags } from "../../cli/flags.ts";
import { trainFlags } from "../../cli/train/flags.ts";
import { readSettings, type TrainSettings } from "../../cli/train/settings.ts";
import { idleNotices } from "../../cli/train/upstream.ts";
import { ConfigError } from "../../core/errors.ts";
import { tinyModel } from "../e2e/runtimes/tiny_model.ts";

async function settings(...args: string[]): Promise<TrainSettings> {
  const { flags, positional } = parseFlags(["pretrain", "--data", "rows.jsonl", ...args], trainFlags);
  return await readSettings(flags, positional);
}

/** A folder with a tiny model of width 64 and upstream's files, empty, for their names. */
async function prepare(...files: string[]) {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/model`);
  for (const [name, bytes] of tinyModel()) await Deno.writeFile(`${folder}/model/${name}`, bytes);
  await Deno.mkdir(`${folder}/out`);
  for (const name of files) await Deno.writeFile(`${folder}/out/${name}`, new Uint8Array());
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

Deno.test("readSettings() puts a run beside upstream's file, or where --out says", async () => {
  await using place = await prepare();
  const model = ["--model", `${place.folder}/model`];
  const both = await settings(...model, "--out", "run", "--out_dir", "out", "--save_weight", "mine");
  assertEquals([both.out, both.weight], ["run", { folder: "out", weight: "mine" }]);
  const own = await settings(...model, "--save-dir", "out/");
  assertEquals([own.out, own.weight], ["out/pretrain_vlm_64", { folder: "out/", weight: "pretrain_vlm" }]);
  assertEquals((await settings(...model, "--out", "run")).weight, undefined);
  await assertRejects(() => settings(...model), TypeError, "name it with --out");
  const odd = () => settings(...model, "--save_dir", "out", "--save_weight", "a/b");
  await assertRejects(odd, TypeError, '"a/b" is not the start of a file name');
});

Deno.test("readSettings() finds --from_weight in --save_dir, by its width where there are several", async () => {
  await using place = await prepare("llm_64.pth", "llm_512_moe.pth", "pretrain_vlm_64.pth", "notes.txt");
  const { folder } = place;
  const from = (...args: string[]) => settings("--model", `${folder}/model`, "--save_dir", `${folder}/out`, ...args);
  const { start } = await from("--from_weight", "pretrain_vlm");
  assertEquals(start.parts.weights, [`file://${folder}/out/pretrain_vlm_64.pth`]);
  assertEquals(start.allowMissing, ["vision_proj.*"]);
  assertEquals((await from("--from_weight", "llm", "--dim", "64")).start.parts.weights, [
    `file://${folder}/out/llm_64.pth`,
  ]);
  const two = () => from("--from_weight", "llm");
  await assertRejects(two, ConfigError, "Cannot choose among llm_512_moe.pth, llm_64.pth: name one with --hidden-size");
  const none = () => from("--from_weight", "llm", "--hidden_size", "768");
  await assertRejects(none, ConfigError, 'llm_768.pth": there are llm_512_moe.pth, llm_64.pth, pretrain_vlm_64.pth');
  const nowhere = () => settings("--out", `${folder}/absent`, "--from_weight", "llm");
  await assertRejects(nowhere, ConfigError, 'llm_WIDTH.pth": there is no such file');
  const both = () => from("--from_weight", "llm", "--weights", "other.pth");
  await assertRejects(both, TypeError, "Cannot use both --weights and --from-weight");
});

Deno.test("readSettings() makes a decoder of other sizes with --from_weight none, and refuses them otherwise", async () => {
  await using place = await prepare();
  const from = (...args: string[]) => settings("--model", `${place.folder}/model`, "--save_dir", "out", ...args);
  const sizes = ["--hidden_size", "128", "--num_hidden_layers", "3", "--use_moe", "1"];
  const { start, out } = await from("--from_weight", "none", ...sizes);
  assertEquals(out, "out/pretrain_vlm_128_moe");
  assertEquals(start.parts.weights, []);
  assertEquals(start.allowMissing, ["model.*", "vision_proj.*"]);
  const { hiddenSize, numHiddenLayers, headDim, intermediateSize, moe } = start.sizes!;
  assertEquals([hiddenSize, numHiddenLayers, headDim, intermediateSize], [128, 3, 32, 448]);
  assertEquals(moe?.numExperts, 4);
  for (const [flag, value] of [["hidden-size", "128"], ["num-hidden-layers", "8"], ["use-moe", "1"]] as const) {
    await assertRejects(() => from(`--${flag}`, value), ConfigError, `, not ${value}`);
  }
  assertEquals((await from("--hidden_size", "64", "--use_moe", "0")).start.sizes?.hiddenSize, 64);
});

Deno.test("readSettings() takes upstream's sizes for the released model that has them", async () => {
  const of = async (...args: string[]) => (await settings("--out", "o", "--from_weight", "none", ...args)).start.model;
  assertEquals(await of(), "minimind-3v");
  assertEquals(await of("--use_moe", "1"), "minimind-3v-moe");
  assertEquals(await of("--hidden_size", "512"), "minimind2-small-v");
  assertEquals(await of("--dim", "768", "--n_layers", "16"), "minimind2-v");
});

Deno.test("readSettings() reads freeze_llm as the model's generation does", async () => {
  const freeze = async (...args: string[]) => (await settings("--out", "o", ...args)).freeze;
  assertEquals(await freeze("--model", "minimind2-v", "--freeze_llm", "1"), "projector");
  assertEquals(await freeze("--model", "minimind-3v", "--freeze_llm", "1"), "projector+ends");
  assertEquals(await freeze("--model", "minimind-3v"), "projector");
});

Deno.test("readSettings() checks the types of a config file and takes parts and aliases in it", async () => {
  await using place = await prepare();
  const config = async (content: unknown) => {
    await Deno.writeTextFile(`${place.folder}/run.json`, JSON.stringify(content));
    return await settings("--out", "o", "--config", `${place.folder}/run.json`);
  };
  const encoder = { use: "clip", options: { image_size: 64 } };
  const { images, start, skipBadRows } = await config({ images_path: "a", encoder, "on-bad-row": "skip" });
  assertEquals([images, skipBadRows], ["a", true]);
  assertEquals(start.parts.encoder, { ...encoder, weights: undefined });
  await assertRejects(() => config({ epochs: "3" }), ConfigError, '"epochs" is "3", not a number');
  await assertRejects(() => config({ overwrite: "yes" }), ConfigError, '"overwrite" is "yes", not true or false');
  await assertRejects(() => config({ epoch: 3 }), ConfigError, 'unknown key "epoch", did you mean "epochs"?');
  await assertRejects(() => config({ images: [] }), ConfigError, '"images" is [], not a text');
  await assertRejects(() => config([]), ConfigError, "it is not an object");
});

Deno.test("readSettings() goes on with the flags that a run was begun with, and with those that are given", async () => {
  await using place = await prepare();
  const out = `${place.folder}/run`;
  const { text } = await settings("--out", out, "--epochs", "7", "--seed", "3", "--from_resume", "1", "--overwrite");
  await Deno.mkdir(out);
  await Deno.writeTextFile(`${out}/run.json`, text);
  const { epochs, seed, resume, overwrite } = await settings("--out", out, "--resume", "previous", "--seed", "4");
  assertEquals({ epochs, seed, resume, overwrite }, { epochs: 7, seed: 4, resume: "previous", overwrite: false });
  assertEquals((await settings("--out", out)).epochs, 2);
});

Deno.test("idleNotices() tells of every flag that changes nothing why, and of no other", () => {
  const notices = (...args: string[]) => idleNotices(parseFlags(args, trainFlags).flags);
  assertEquals(notices("--device", "cpu", "--dtype", "float32", "--epochs", "3"), []);
  const idle = [
    "--device",
    "cuda:0",
    "--dtype",
    "bfloat16",
    "--num_workers",
    "8",
    "--use_wandb",
    "--wandb_project",
    "x",
  ];
  const lines = notices(...idle, "--use_compile", "1", "--ddp", "--local_rank", "0");
  assertEquals(lines.map((line) => line.replace(/ changes nothing here: .*/, "")), [
    ...["--device cuda:0", "--dtype bfloat16", "--num-workers 8", "--use-wandb", "--wandb-project"],
    ...["--use-compile", "--ddp", "--local-rank"],
  ]);
});

Deno.test("readSettings() refuses numbers that no run can have", async () => {
  const wrong = [
    ["learning-rate", "0"],
    ["learning-rate", "-1"],
    ["grad-clip", "0"],
    ["weight-decay", "-0.1"],
    ["warmup-steps", "1.5"],
    ["samples", "-1"],
    ["max-images", "-1"],
    ["seed", "1.5"],
    ["use-moe", "2"],
    ["token-dropout", "1"],
    ["image-memory", "-1"],
    ["epochs", "0"],
  ] as const;
  for (const [flag, value] of wrong) {
    const error = await assertRejects(() => settings("--out", "o", `--${flag}`, value), TypeError);
    assertStringIncludes(error.message, `Cannot read flag "--${flag}": ${value} is not `);
  }
});
