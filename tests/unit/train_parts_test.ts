import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { parseFlags } from "../../cli/flags.ts";
import { openLora } from "../../cli/train/lora.ts";
import { trainFlags } from "../../cli/train/flags.ts";
import { progressBar, progressLine } from "../../cli/train/progress.ts";
import { readSettings } from "../../cli/train/settings.ts";
import { ConfigError, ShapeError } from "../../core/errors.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { chart, smooth } from "../../trainers/chart.ts";
import { initialise } from "../../trainers/initialise.ts";
import { metricsLine, type MetricsRecord, parseMetrics, type SampleRecord } from "../../trainers/metrics.ts";
import { openFiles } from "../../sdk/files.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { PreparedImages } from "../../trainers/prepared_images.ts";
import { renderReport } from "../../trainers/report.ts";
import { rowBatches, type TrainRow } from "../../trainers/row_batches.ts";
import { parseRunState, startState } from "../../trainers/run_state.ts";
import type { StepEvent } from "../../trainers/train_events.ts";
import { bitsOf, seededWeights, tinyModel } from "./tiny_training.ts";

const step: StepEvent = {
  type: "step",
  epoch: 0,
  batches: 10,
  totalBatches: 40,
  updates: 5,
  loss: 2.5,
  auxLoss: 0,
  learningRate: 3e-4,
  norm: 1.25,
  tokens: 640,
  tokensPerSecond: 321.4,
  secondsLeft: 3725,
};

Deno.test("rowBatches() shifts labels, places images, pads rows and fills up the last batch", async () => {
  const row = (id: number): TrainRow => ({
    ids: Int32Array.of(1, 1, id, id + 1),
    labels: Int32Array.of(-100, -100, id, id + 1),
    images: [{ span: { start: 0, length: 2 }, image: Float32Array.of(id, id, id, id) }],
  });
  const rows = [row(10), row(20), row(30)];
  const options = { sizes: { rows: 2, tokens: 5, images: 2 }, imageInput: { shape: [2, 2], tokens: 2 }, padding: 9 };
  const source = rowBatches({ length: 3, row: (index) => Promise.resolve(rows[index]) }, {
    ...options,
    order: (epoch) => epoch === 0 ? [2, 1, 0] : [0, 1, 2],
  });
  assertEquals(source.batchesPerEpoch, 2);
  assertEquals(await source.batch({ epoch: 0, batch: 0 }), {
    ids: Int32Array.of(1, 1, 30, 31, 9, 1, 1, 20, 21, 9),
    targets: Int32Array.of(-100, 30, 31, -100, -100, -100, 20, 21, -100, -100),
    index: Int32Array.of(0, 1, -1, -1, -1, 2, 3, -1, -1, -1),
    images: Float32Array.of(30, 30, 30, 30, 20, 20, 20, 20),
  });
  const last = await source.batch({ epoch: 1, batch: 1 });
  assertEquals(last.ids, Int32Array.of(1, 1, 30, 31, 9, 9, 9, 9, 9, 9));
  assertEquals(last.targets.filter((id) => id >= 0), Int32Array.of(30, 31));
  const narrow = rowBatches({ length: 1, row: () => Promise.resolve(row(10)) }, {
    ...options,
    sizes: { rows: 1, tokens: 3, images: 1 },
  });
  await assertRejects(() => narrow.batch({ epoch: 0, batch: 0 }), ShapeError, "a row of 4 ids, there is room for 3");
});

Deno.test("PreparedImages prepares an image once, however many ask, and asks its keeper first", async () => {
  const kept = new Map<string, Float32Array>([["2", Float32Array.of(22)]]);
  let prepared = 0;
  const images = new PreparedImages({
    key: (image) => Promise.resolve(String(image[0])),
    prepare: (image) => Promise.resolve(Float32Array.of(image[0]! + ++prepared)),
    keeper: {
      get: (key) => Promise.resolve(kept.get(key)),
      set: (key, values) => Promise.resolve(void kept.set(key, values)),
    },
    maxBytes: 4,
  });
  const ask = (id: number) => images.of(Uint8Array.of(id));
  assertEquals(await Promise.all([ask(1), ask(1)]), [Float32Array.of(2), Float32Array.of(2)]);
  assertEquals(await ask(1), Float32Array.of(2));
  assertEquals(await ask(2), Float32Array.of(22));
  assertEquals(await ask(1), Float32Array.of(2)); // one fits in memory; this one was kept
  const { prepareMs: _, ...counts } = images.counts;
  assertEquals(counts, { prepared: 1, kept: 2, remembered: 1 });
});

Deno.test("initialise() draws by seed and name and leaves all others bit-identical", async () => {
  await using backend = createReferenceBackend();
  const weights = seededWeights(backend, tinyModel());
  const before = await bitsOf(backend, weights);
  initialise(backend, weights, { patterns: ["vision_proj.*"], seed: 1 });
  const first = await bitsOf(backend, weights);
  for (const [name, bits] of first) assertEquals(bits !== before.get(name), name.startsWith("vision_proj."), name);
  initialise(backend, weights, { patterns: ["vision_proj.*"], seed: 2 });
  const name = "vision_proj.mlp.1.weight";
  assert((await bitsOf(backend, weights)).get(name) !== first.get(name));
  initialise(backend, weights, { patterns: ["vision_proj.*"], seed: 1 });
  assertEquals(await bitsOf(backend, weights), first);
  assertThrows(() => initialise(backend, weights, { patterns: ["nobody.*"], seed: 1 }), ConfigError, '"nobody.*"');
});

Deno.test("initialise() draws an encoder's patches, positions and class, and sets norms to 1 and biases to 0", async () => {
  await using backend = createReferenceBackend();
  const encoder = createClip(parseClipOptions({ image_size: 8, patch_size: 4, hidden_size: 12, num_hidden_layers: 1 }));
  const weights = seededWeights(backend, tinyModel({}, encoder));
  initialise(backend, weights, { patterns: ["vision_model.*"], seed: 1 });
  const read = async (name: string) => [...await backend.read(weights.get(`vision_model.${name}`)!)];
  for (const name of ["class_embedding", "position_embedding.weight", "patch_embedding.weight"]) {
    const values = await read(`embeddings.${name}`);
    assert(new Set(values).size > values.length / 2 && values.every((value) => Math.abs(value) <= 0.035), name);
  }
  assertEquals(new Set(await read("pre_layrnorm.weight")), new Set([1]));
  assertEquals(new Set(await read("encoder.layers.0.mlp.fc1.bias")), new Set([0]));
});

Deno.test("parseMetrics() drops a line that was cut off and what comes after a number of batches", () => {
  const later = { ...step, batches: 20 };
  const text = `${metricsLine(step)}${metricsLine(later)}{"type":"st`;
  assertEquals(parseMetrics(text), [step, later] as MetricsRecord[]);
  assertEquals(parseMetrics(text, { batches: 15 }), [step] as MetricsRecord[]);
});

Deno.test("parseRunState() reads what JSON.stringify() wrote and names a count that is wrong", () => {
  const state = { ...startState, batches: 3, bestLoss: 0.1 + 0.2 };
  assertEquals(parseRunState(JSON.parse(JSON.stringify(state))), state);
  assertThrows(() => parseRunState({ ...state, updates: -1 }), TypeError, "its updates is -1");
});

Deno.test("renderReport() draws curves and escapes what data and model say", () => {
  const sample: SampleRecord = {
    type: "sample",
    batches: 10,
    probe: 0,
    prompt: "<image>What?",
    expected: "a & b",
    text: "<script>alert(1)</script>",
  };
  const html = renderReport({
    title: "A <run>",
    tables: { "<heading>": { seed: 42, "<key>": ["<value>"] } },
    records: [step, { ...step, batches: 20, loss: NaN }, sample, { ...sample, batches: 20, text: "a\nb\n" }],
    images: [["data:image/png;base64,AA"]],
  });
  assertStringIncludes(html, "<polyline");
  assertStringIncludes(html, "&#60;script&#62;");
  assertStringIncludes(html, '<td>a<span class="quiet">⏎</span> b</td>');
  assertNotMatch(html, /<script|<run>|<heading>|<value>|NaN/);
});

Deno.test("chart() has round ticks within its range, smooth() keeps a constant and a line of one point", () => {
  const svg = chart([{ name: "loss", color: "red", points: [[0, 0.3], [12_500, 2.6]], style: "marked" }], {
    label: "x",
  });
  assertEquals([...svg.matchAll(/>([\d.k]+)<\/text>/g)].map(([, tick]) => tick), [
    ...["0.5", "1", "1.5", "2", "2.5"],
    ...["0", "5000", "10k"],
  ]);
  assertStringIncludes(svg, "<title>loss, 12.5k: 2.6</title>");
  assertEquals(chart([{ name: "loss", color: "red", points: [[0, NaN]] }], { label: "x" }), "");
  for (const [, y] of smooth(Array.from({ length: 50 }, (_, i) => [i, 3]), 10)) assertAlmostEquals(y, 3, 1e-12);
  assertEquals(smooth([[0, 1], [1, NaN], [2, 5]], 1), [[0, 1], [2, 5]]);
});

Deno.test("progressBar() is full at the end and not before", () => {
  const bar = (batches: number) => progressBar({ batches, totalBatches: 40 });
  assertEquals([bar(1), bar(20), bar(39), bar(40)], ["░░░░░░░░░░", "█████░░░░░", "█████████░", "██████████"]);
});

Deno.test("progressLine() tells loss, rate, speed and time left", () => {
  assertEquals(
    progressLine({ ...step, auxLoss: 0.0123 }),
    "epoch 1  batch 10/40  loss 2.5000 (aux 0.0123)  lr 3.00e-4  norm 1.25  321 tok/s  1:02:05 left",
  );
});

Deno.test("readSettings() takes upstream's flags, a config file beneath them and upstream's defaults", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const groups = { lr_group: { "vision_proj.*": 1e-3, "*norm*": 0 }, decay_group: ["*norm*=0.5"] };
    await Deno.writeTextFile(file, JSON.stringify({ batch_size: 3, epochs: 7, init: "vision_proj.*", ...groups }));
    const args = [
      "--data_path",
      "rows.jsonl",
      "--save_dir",
      "out",
      "--freeze_llm",
      "1",
      "--config",
      file,
      "--epochs",
      "1",
    ];
    const { flags } = parseFlags(args, trainFlags);
    const settings = await readSettings(flags, ["sft"]);
    const { data, out, weight, freeze, batchSize, epochs, learningRate, tokens, init, seed, resume, rules } = settings;
    assertEquals({ data, out, weight, freeze, batchSize, epochs, learningRate, tokens, init, seed, resume, rules }, {
      data: "rows.jsonl",
      out: "out/sft_vlm_64",
      weight: { folder: "out", weight: "sft_vlm" },
      freeze: "projector+ends",
      batchSize: 3,
      epochs: 1,
      learningRate: 5e-6,
      tokens: 768,
      init: ["vision_proj.*"],
      seed: 42,
      resume: undefined,
      rules: [
        { pattern: "vision_proj.*", rate: 200 },
        { pattern: "*norm*", rate: 0 },
        { pattern: "*norm*", weightDecay: 0.5 },
      ],
    });
    const bad = parseFlags(["--data", "a", "--out", "b", "--lr-group", "vision_proj.*"], trainFlags).flags;
    await assertRejects(() => readSettings(bad, ["sft"]), TypeError, '"--lr-group": "vision_proj.*" is not a pattern');
    await Deno.writeTextFile(file, JSON.stringify({ batchsize: 3 }));
    await assertRejects(() => readSettings(flags, ["sft"]), ConfigError, 'unknown key "batchsize"');
    await assertRejects(() => readSettings(flags, ["both"]), TypeError, 'Cannot train "both"');
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("readSettings() of --lora has upstream's rank, learning rate and no alpha of its own", async () => {
  const read = (...args: string[]) => {
    const { flags } = parseFlags(["--data", "rows.jsonl", "--out", "out", ...args], trainFlags);
    return readSettings(flags, ["sft"]);
  };
  assertEquals((await read()).lora, undefined);
  const plain = await read("--lora");
  const layers = ["model.layers.*_proj"];
  assertEquals(plain.lora, { rank: 16, alpha: 16, layers, name: "lora_vlm", weight: undefined });
  assertEquals(plain.learningRate, 1e-4);
  const own = await read(
    "--lora",
    "--lora_rank",
    "4",
    "--lora-alpha",
    "8",
    "--lora-layers",
    "square",
    "--lora_name",
    "a",
  );
  assertEquals(own.lora, { rank: 4, alpha: 8, layers: ["square"], name: "a", weight: undefined });
  await assertRejects(() => read("--lora", "--lora-rank", "1.5"), TypeError, "1.5 is not a whole number above 0");
  await assertRejects(() => read("--lora", "--init", "model.*"), TypeError, '"--init" with --lora: the model stays');
  await assertRejects(() => read("--lora-layers", "*"), TypeError, '"--lora-layers" without --lora');
});

Deno.test("openLora() refuses a base of which no file has all", async () => {
  const { flags } = parseFlags(["--data", "rows.jsonl", "--out", "out", "--model", "random", "--lora"], trainFlags);
  const settings = await readSettings(flags, ["sft"]);
  using files = openFiles({ base: new URL("file:///") });
  await using model = await loadModel({ model: "random", backend: "reference" });
  const missing = ["vision_proj.vision_proj.0.weight"];
  const message = 'Cannot train an adapter for "random": no file of the base has "vision_proj.vision_proj.0.weight"';
  await assertRejects(() => openLora(model.parts, { settings, files, missing }), ConfigError, message);
  using lora = await openLora(model.parts, { settings, files, missing: [] });
  assertEquals(lora?.options.layers.length, 14);
});
