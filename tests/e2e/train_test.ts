import { assert, assertEquals, assertMatch, assertNotEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { modelTensors, openCheckpoint } from "../../data/checkpoint.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { castTensors } from "../../data/saved_tensor.ts";
import { torchCheckpointChunks } from "../../data/torch_checkpoint/write.ts";
import { loadModel } from "../../sdk/mod.ts";
import { killTraining } from "./kill_training.ts";
import { imageFolder, prepareTraining, row, runMinimind, trainIn } from "./train_runs.ts";

const short = ["--epochs", "4", "--batch_size", "2", "--learning_rate", "2e-3", "--max_seq_len", "96"];

Deno.test("minimind train sft writes metrics, a report and a model that answers", async () => {
  await using place = await prepareTraining();
  const { folder } = place;
  const { code, stderr } = await trainIn(folder, "out", [...short, "--val-split", "0.34", "--log_interval", "1"]);
  assertEquals(code, 0, stderr);
  assertMatch(
    stderr,
    /^epoch 4 {2}batch 8\/8 {2}loss \d\.\d{4} {2}lr 2\.00e-4 {2}norm [\d.]+ {2}\d+ tok\/s {2}0:00 left$/m,
  );
  assertMatch(stderr, /^validation loss \d\.\d{4}, -?\d\.\d{4} more with exchanged images, the best so far$/m);
  const lines = (await Deno.readTextFile(`${folder}/out/metrics.jsonl`)).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const losses = lines.filter(({ type }) => type === "step").map(({ loss }) => loss);
  assertEquals(losses.length, 8);
  assert(losses.at(-1) < losses[0] - 0.5, losses.join());
  assertEquals(lines.filter(({ type }) => type === "sample").length, 8);
  const report = await Deno.readTextFile(`${folder}/out/report.html`);
  assertStringIncludes(report, "<polyline");
  assertStringIncludes(report, 'src="data:image/');
  assertNotMatch(report, /(src|href)=["'](?!data:)/);

  const base = new URL(`file://${folder}/`);
  await using model = await loadModel({ model: "out", backend: { use: "wasm", options: { threads: 1 } } }, { base });
  const image = await Deno.readFile(`${imageFolder}/full_colour.jpg`);
  const content = [{ type: "image", image }, { type: "text", text: "What?" }] as const;
  const events = await Array.fromAsync(model.chat([{ role: "user", content }], { maxNewTokens: 4 }));
  assertEquals(events.at(-1)?.type, "finish");
});

Deno.test("minimind train unfreezes the encoder by a pattern, saves it with the model and resumes bit for bit", async () => {
  await using place = await prepareTraining();
  const { folder } = place;
  const flags = [...short, "--freeze", "sft", "--freeze", "vision_model.*", "--init", "vision_model.*"];
  const rates = ["--ema", "0.9", "--lr-group", "vision_model.*=1e-3", "--decay-group", "*bias=0"];
  const variation = ["--flip", "--token-dropout", "0.3"];
  const run = [...flags, ...rates, ...variation, "--val-split", "0.34", "--save_interval", "1", "--samples", "1"];
  const frozen = await trainIn(folder, "out", [...short, ...variation]);
  assertEquals(frozen.code, 1);
  assertMatch(
    frozen.stderr,
    /^minimind: Cannot use flag "--flip": images are features of a frozen encoder, see --freeze$/m,
  );
  const { code, stderr } = await trainIn(folder, "out", [...run, "--recompute"]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /^validation loss \d\.\d{4}, -?\d\.\d{4} more with exchanged images/m);
  assertMatch(stderr, /^images: 6 decoded in \d+\.\d s$/m);
  const weightsOf = async (path: string) => readSafetensors(await Deno.readFile(`${folder}/${path}`)).tensors;
  const [before, after] = [await weightsOf("model/model.safetensors"), await weightsOf("out/model.safetensors")];
  for (const name of ["embeddings.patch_embedding.weight", "encoder.layers.1.mlp.fc2.weight"]) {
    const full = `vision_encoder.vision_model.${name}`;
    assertNotEquals(after.get(full)!.toFloat32(), before.get(full)!.toFloat32());
  }
  // What was saved before the last batch goes on to the same end.
  await Deno.remove(`${folder}/out/checkpoints/batch-0000000008.safetensors`);
  const resumed = await trainIn(folder, "out", [...run, "--from_resume", "1"]);
  assertMatch(resumed.stderr, /^going on after 7 batches$/m);
  for (const [name, tensor] of await weightsOf("out/model.safetensors")) {
    assertEquals(tensor.bytes, after.get(name)!.bytes, name);
  }
  const base = new URL(`file://${folder}/`);
  await using model = await loadModel({ model: "out", backend: { use: "wasm", options: { threads: 1 } } }, { base });
  const bias = "vision_model.encoder.layers.1.mlp.fc2.bias";
  const { backend, weights } = model.parts;
  assertEquals(await backend.read(weights.get(bias)!), after.get(`vision_encoder.${bias}`)!.toFloat32());
});

Deno.test("minimind train takes upstream's commands: a language model, pretraining, SFT, each stage's .pth for the next", async () => {
  await using place = await prepareTraining();
  const { folder } = place;
  const language = ["export", `${folder}/model`, `${folder}/out`, "--format", "pth", "--weight", "pretrain_vlm"];
  assertEquals((await runMinimind(language)).code, 0);
  const released = await openCheckpoint([{
    name: "a.pth",
    bytes: await Deno.readFile(`${folder}/out/pretrain_vlm_64.pth`),
  }]);
  const halves = [...released.tensors].filter(([name]) => !name.startsWith("vision_proj."));
  const chunks = torchCheckpointChunks(castTensors(new Map(halves), { precision: "f16" }));
  await Deno.writeFile(`${folder}/out/llm_64.pth`, ReadableStream.from(chunks));

  const stage = (name: string, ...flags: string[]) => {
    const data = ["--data_path", `${folder}/rows.jsonl`, "--images_path", imageFolder, "--save_dir", `${folder}/out`];
    return runMinimind(["train", name, "--model", `${folder}/model`, ...data, ...short, "--samples", "0", ...flags]);
  };
  const first = await stage("pretrain", "--from_weight", "llm", "--device", "cuda:0");
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stderr, /^--device cuda:0 changes nothing here: /m);
  assertMatch(first.stderr, /100 % of decoder from llm_64\.pth .*; 0 % of projector/);
  const second = await stage("sft", "--from_weight", "pretrain_vlm", "--save_weight", "tuned");
  assertEquals(second.code, 0, second.stderr);
  assertMatch(second.stderr, /100 % of projector from pretrain_vlm_64\.pth/);
  assertMatch(second.stderr, /^features: 0 images encoded in \d+\.\d s, 6 from earlier runs$/m);

  // The file has what the run's own folder has, in halves.
  const tensors = async (path: string) => {
    return modelTensors(await openCheckpoint([{ name: path, bytes: await Deno.readFile(`${folder}/out/${path}`) }]));
  };
  const [pth, whole] = [await tensors("tuned_64.pth"), await tensors("tuned_64/model.safetensors")];
  const own = [...whole].filter(([name]) => !name.startsWith("vision_encoder."));
  assertEquals(pth.size, own.length + 1); // the tied head by its name
  for (const [name, tensor] of own) {
    const [half, full] = [pth.get(name)!.toFloat32(), tensor.toFloat32()];
    assert(full.every((value, i) => Math.abs(half[i]! - value) <= Math.abs(value) * 2 ** -11 + 2 ** -24), name);
  }
});

Deno.test("minimind train takes an encoder of one's own, draws a projector for its width, and tells how to chat with it", async () => {
  await using place = await prepareTraining();
  const { folder } = place;
  const use = new URL("../../examples/custom_encoder/my_encoder.ts", import.meta.url).href;
  const encoder = { use, options: { size: 32, patch: 16, width: 24 } };
  const config = async (name: string, content: unknown) => {
    await Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(content));
    return `${folder}/${name}`;
  };
  const model = await config("mine.json", { model: "./model", encoder });
  const fresh = ["vision_proj.*", "my_encoder.*"].flatMap((pattern) => ["--init", pattern]);
  const { code, stderr } = await trainIn(folder, "out", [
    ...short,
    ...["--model", model, ...fresh, "--freeze", "sft", "--freeze", "my_encoder.*", "--samples", "1"],
  ]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /; 0 % of projector \(.*; 0 % of encoder \(0 of 3 tensors/);
  assertStringIncludes(stderr, `chat with it by "minimind chat ${folder}/out --config ${model}"`);
  assertMatch(stderr, /^the encoder's weights are in .*encoder\.safetensors: name them beside its "use"$/m);
  const learnt = { encoder: { ...encoder, weights: "./out/encoder.safetensors" } };
  const chat = await runMinimind([
    ...["chat", `${folder}/out`, "--config", await config("learnt.json", learnt), "--threads", "1"],
    ...["--image", `${imageFolder}/rgb_8.png`, "--prompt", "What?", "--max-new-tokens", "2"],
  ]);
  assertEquals(chat.code, 0, chat.stderr);
  assertMatch(chat.stderr, /100 % of projector from out .*; 100 % of encoder from encoder\.safetensors/);
});

Deno.test("minimind train --pack learns several rows behind one image, validates on a file and resumes bit for bit", async () => {
  const rows = ["full_colour.jpg", "grey_8.png", "plain.gif"].flatMap((image) =>
    ["One.", "Two and more.", "三"].map((answer) => row(image, answer))
  );
  await using place = await prepareTraining(rows);
  const { folder } = place;
  await Deno.writeTextFile(`${folder}/val.jsonl`, [row("rgb_8.png", "One."), row("lossy.webp", "三")].join("\n"));
  const flags = [...short, "--pack", "--val-data", `${folder}/val.jsonl`, "--save_interval", "1", "--samples", "1"];
  const { code, stderr } = await trainIn(folder, "out", flags);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /^9 rows in 3 packs, \d\d % full, 2 batches an epoch/m);
  assertMatch(stderr, /^validation loss \d\.\d{4}, -?\d\.\d{4} more with exchanged images, the best so far$/m);
  const metrics = (await Deno.readTextFile(`${folder}/out/metrics.jsonl`)).trim().split("\n");
  const losses = metrics.map((line) => JSON.parse(line)).filter(({ type }) => type === "step").map(({ loss }) => loss);
  assert(losses.at(-1) < losses[0] - 0.3, losses.join());
  const weights = await Deno.readFile(`${folder}/out/model.safetensors`);
  await Deno.remove(`${folder}/out/checkpoints/batch-0000000008.safetensors`);
  const resumed = await trainIn(folder, "out", [...flags, "--from_resume", "1"]);
  assertMatch(resumed.stderr, /^going on after 7 batches$/m);
  assertEquals(await Deno.readFile(`${folder}/out/model.safetensors`), weights);
  const both = await trainIn(folder, "other", [...flags, "--val-split", "0.1"]);
  assertStringIncludes(both.stderr, "Cannot validate both on --val-data and on a share of the rows");
});

Deno.test("minimind train refuses a run that is there, other settings, and rows that cannot be learnt", async () => {
  await using place = await prepareTraining();
  const { folder } = place;
  assertEquals((await trainIn(folder, "out", [...short, "--samples", "0"])).code, 0);
  const again = await trainIn(folder, "out", short);
  assertEquals(again.code, 1);
  assertStringIncludes(
    again.stderr,
    "there is a run already; go on with --from-resume 1, or start over with --overwrite",
  );
  const other = await trainIn(folder, "out", [...short, "--seed", "7", "--from_resume", "1"]);
  assertEquals(other.code, 1);
  assertStringIncludes(other.stderr, "Cannot go on with the run: seed was 42, is 7");
  await Deno.writeTextFile(`${folder}/rows.jsonl`, `${row("absent.png", "Nothing")}\n`, { append: true });
  const bad = await trainIn(folder, "other", short);
  assertEquals(bad.code, 1);
  assertMatch(bad.stderr, /Cannot read row 6 of ".*rows\.jsonl": its image "absent\.png"/);
  const skipped = await trainIn(folder, "other", [...short, "--on-bad-row", "skip"]);
  assertEquals(skipped.code, 0, skipped.stderr);
  assertMatch(skipped.stderr, /left out: Cannot read row 6/);
});

Deno.test("minimind train, killed 3 times at random moments and resumed, leaves the same weights and metrics", async () => {
  const { kills, differing } = await killTraining({ kills: 3, seed: 42, epochs: 60 });
  assertEquals(differing, []);
  assertEquals(kills, 3);
});
