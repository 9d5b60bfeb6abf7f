import { assert, assertEquals, assertMatch, assertNotEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { uniform } from "../../core/sampling.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { loadModel } from "../../sdk/mod.ts";
import { tinyModel } from "./runtimes/tiny_model.ts";

const door = new URL("../../mod.ts", import.meta.url).href;
const images = new URL("../fixtures/images", import.meta.url).pathname;

const captions = [
  ["full_colour.jpg", "Many colours."],
  ["palette_4.png", "一个调色板"],
  ["grey_8.png", "Grey from left to right"],
  ["plain.gif", "A GIF, plain and small"],
  ["rgb_8.png", "RGB, eight bits"],
  ["lossy.webp", "From the web"],
] as const;

/** A folder with a tiny model and six rows. */
async function prepare(rows: readonly string[] = captions.map(([image, answer]) => row(image, answer))) {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/model`);
  for (const [name, bytes] of tinyModel()) await Deno.writeFile(`${folder}/model/${name}`, bytes);
  await Deno.writeTextFile(`${folder}/rows.jsonl`, rows.map((line) => `${line}\n`).join(""));
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

function row(image: string, answer: string): string {
  const conversations = [{ role: "user", content: "<image>\nWhat?" }, { role: "assistant", content: answer }];
  return JSON.stringify({ conversations, image });
}

/** A process that trains in `folder`. */
function command(folder: string, out: string, flags: string[]): Deno.Command {
  const own = [
    "--data",
    `${folder}/rows.jsonl`,
    "--images",
    images,
    "--model",
    `${folder}/model`,
    "--out",
    `${folder}/${out}`,
  ];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      door,
      "train",
      "sft",
      ...own,
      "--threads",
      "1",
      ...flags,
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function train(folder: string, out: string, flags: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await command(folder, out, flags).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

const short = ["--epochs", "4", "--batch_size", "2", "--learning_rate", "2e-3", "--max_seq_len", "96"];

Deno.test("minimind train sft writes metrics, a report and a model that answers", async () => {
  await using place = await prepare();
  const { folder } = place;
  const { code, stderr } = await train(folder, "out", [...short, "--val-split", "0.34", "--log_interval", "1"]);
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
  const image = await Deno.readFile(`${images}/full_colour.jpg`);
  const content = [{ type: "image", image }, { type: "text", text: "What?" }] as const;
  const events = await Array.fromAsync(model.chat([{ role: "user", content }], { maxNewTokens: 4 }));
  assertEquals(events.at(-1)?.type, "finish");
});

Deno.test("minimind train unfreezes the encoder by a pattern, saves it with the model and resumes bit for bit", async () => {
  await using place = await prepare();
  const { folder } = place;
  const flags = [...short, "--freeze", "sft", "--freeze", "vision_model.*", "--init", "vision_model.*"];
  const run = [...flags, "--val-split", "0.34", "--save_interval", "1", "--samples", "1"];
  const { code, stderr } = await train(folder, "out", run);
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
  const resumed = await train(folder, "out", [...run, "--from_resume", "1"]);
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

Deno.test("minimind train refuses a run that is there, other settings, and rows that cannot be learnt", async () => {
  await using place = await prepare();
  const { folder } = place;
  assertEquals((await train(folder, "out", [...short, "--samples", "0"])).code, 0);
  const again = await train(folder, "out", short);
  assertEquals(again.code, 1);
  assertStringIncludes(
    again.stderr,
    "there is a run already; go on with --from-resume 1, or start over with --overwrite",
  );
  const other = await train(folder, "out", [...short, "--seed", "7", "--from_resume", "1"]);
  assertEquals(other.code, 1);
  assertStringIncludes(other.stderr, "Cannot go on with the run: seed was 42, is 7");
  await Deno.writeTextFile(`${folder}/rows.jsonl`, `${row("absent.png", "Nothing")}\n`, { append: true });
  const bad = await train(folder, "other", short);
  assertEquals(bad.code, 1);
  assertMatch(bad.stderr, /Cannot read row 6 of ".*rows\.jsonl": its image "absent\.png"/);
  const skipped = await train(folder, "other", [...short, "--on-bad-row", "skip"]);
  assertEquals(skipped.code, 0, skipped.stderr);
  assertMatch(skipped.stderr, /left out: Cannot read row 6/);
});

Deno.test("minimind train, killed 6 times at random moments and resumed, ends with the same weights and metrics", async () => {
  await using place = await prepare();
  const { folder } = place;
  const flags = ["--epochs", "60", "--batch_size", "2", "--accumulation_steps", "2", "--learning_rate", "2e-3"];
  const run = [...flags, "--max_seq_len", "96", "--save_interval", "1", "--samples", "0", "--from_resume", "1"];
  const whole = await started(command(folder, "whole", run));
  assertEquals((await whole.end).code, 0);
  const milliseconds = performance.now() - whole.at;
  let kills = 0;
  for (let i = 0; i < 6; i++) {
    const killed = await started(command(folder, "killed", run));
    await new Promise((resolve) => setTimeout(resolve, milliseconds / 8 * uniform(42, i)));
    killed.child.kill("SIGKILL");
    if ((await killed.end).signal === "SIGKILL") kills++;
  }
  assertEquals(kills, 6);
  const { code, stderr } = await train(folder, "killed", run);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /^going on after \d+ batches$/m);
  const weights = (out: string) => Deno.readFile(`${folder}/${out}/model.safetensors`);
  assertEquals(await weights("killed"), await weights("whole"));
  const metrics = async (out: string) => {
    const text = await Deno.readTextFile(`${folder}/${out}/metrics.jsonl`);
    return text.replaceAll(/"(tokensPerSecond|secondsLeft)":[^,}]*/g, "");
  };
  assertEquals(await metrics("killed"), await metrics("whole"));
});

/** Starts a process and waits until it begins to train. */
async function started(command: Deno.Command): Promise<
  { readonly child: Deno.ChildProcess; readonly at: number; readonly end: Promise<Deno.CommandStatus> }
> {
  const child = command.spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("parameters to train")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(text);
    text += value;
  }
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  const at = performance.now();
  const end = Promise.all([child.status, drained, child.stdout.cancel()]).then(([status]) => status);
  return { child, at, end };
}
