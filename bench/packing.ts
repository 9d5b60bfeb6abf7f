/**
 * `deno run --no-lock --allow-all bench/packing.ts [--threads N] [--rounds N] [--photos N]`: a training step on ten
 * captions of each photo, every caption in a row of its own or all of a photo behind one image. Both learn the same
 * tokens; the rate counts those alone. The model has the demo's size: width 256, 5 layers, 4,000 ids, 64 image tokens.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createMiniMind, createMlpProjector, createModel, createWasmBackend, parseMiniMindOptions } from "../engine.ts";
import { planParameters, type Storage } from "../engine.ts";
import { PackPlanner } from "../trainers/pack_plan.ts";
import { packedRows } from "../trainers/packed_rows.ts";
import { initialise } from "../trainers/initialise.ts";
import { rowBatches, type RowSource, type TrainRow } from "../trainers/row_batches.ts";
import { TrainStep } from "../trainers/train_step.ts";
import { drawFloats, drawIntegers } from "../cli/verify/number_generator.ts";
import { formatResults, race } from "./harness.ts";

const flags = parseArgs(Deno.args, { string: ["threads", "rounds", "photos"] });
const [threads, rounds, photos] = [flags.threads ?? "2", flags.rounds ?? "9", flags.photos ?? "4"].map(Number);

const width = 256, imageTokens = 64, vocabulary = 4000;
const decoder = createMiniMind(parseMiniMindOptions({
  generation: 3,
  hidden_size: width,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: vocabulary,
}));
const projector = createMlpProjector({ input: { tokens: imageTokens, width }, width });
const model = createModel({ projector, decoder, placeholder: { marker: 3, tokens: imageTokens, match: "run" } });

/** Tokens of a caption and of all that is between image and caption: means of the two languages of Flickr8k-CN. */
const captions = [...Array(5).fill({ question: 9, answer: 16 }), ...Array(5).fill({ question: 8, answer: 8 })];
const shared = 3 + imageTokens + 1;
const rows: TrainRow[] = Array.from({ length: photos! }, (_, photo) => {
  const image = drawFloats({ seed: photo, count: imageTokens * width }, { amplitude: 1 });
  return captions.map(({ question, answer }, caption): TrainRow => {
    const length = shared + question + answer;
    const ids = drawIntegers({ seed: 1000 * photo + caption, count: length }, { low: 4, high: vocabulary });
    ids.set([1, 2, 4, ...Array(imageTokens).fill(3), 5]);
    const labels = ids.map((id, i) => i >= length - answer ? id : -100);
    return { ids, labels, images: [{ span: { start: 3, length: imageTokens }, image }] };
  });
}).flat();
const learnt = rows.reduce((sum, { labels }) => sum + labels.filter((id) => id >= 0).length, 0);
const source: RowSource = { length: rows.length, row: (index) => Promise.resolve(rows[index]) };

const backend = await createWasmBackend({ threads });
const weights = new Map<string, Storage>();
for (const [name, tensor] of planParameters(model).storages) weights.set(name, backend.alloc(tensor));
initialise(backend, weights, { patterns: ["*"], seed: 1 });
const trainable = new Set(weights.keys());
const planner = new PackPlanner({ tokens: 288 });
rows.forEach(({ ids, labels, images }, index) => {
  const imageKey = String(Math.floor(index / captions.length));
  planner.add({ index, ids, labels, images: images.map(({ span }) => span), imageKey });
});

async function contender(name: string, { rows, tokens, packed }: { rows: RowSource; tokens: number; packed: boolean }) {
  const sizes = { rows: rows.length, tokens, images: packed ? photos! : rows.length, packed };
  const step = new TrainStep(backend, model, { weights, sizes, trainable });
  const batch = await rowBatches(rows, { sizes, imageInput: step.imageInput, padding: 0 }).batch({
    epoch: 0,
    batch: 0,
  });
  const { total } = await step.backward(batch);
  await step.update(0);
  console.log(`${name}: ${sizes.rows} rows of ${tokens} tokens, ${learnt} to learn, loss ${total.toFixed(6)}`);
  return {
    name,
    async run() {
      await step.backward(batch);
      await step.update(0);
    },
  };
}

console.log(`Deno ${Deno.version.deno}, ${threads} threads, load ${Deno.loadavg()[0]!.toFixed(1)}`);
const contenders = [
  await contender("a row each", { rows: source, tokens: 96, packed: false }),
  await contender("packed", { rows: packedRows(source, planner.finish()), tokens: 288, packed: true }),
];
console.log(
  formatResults(await race({ work: "step", amount: learnt, unit: "learnt tok/s", contenders, rounds: rounds! })),
);
await backend[Symbol.asyncDispose]();
