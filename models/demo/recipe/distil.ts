/**
 * Stage of the demo's recipe: distils the encoder from MobileNetV2's features.
 *
 * `deno run -A models/demo/recipe/distil.ts --data DIR --out DIR [--steps N] …` starts a run, or goes on with the one
 * that the second folder holds. It leaves `encoder/` there (the weights' average as a model folder), `metrics.jsonl` and
 * `state.safetensors`.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { createWasmBackend } from "../../../backends/wasm/mod.ts";
import { writeSafetensors } from "../../../data/safetensors_writer.ts";
import { Crew } from "./distil/crew.ts";
import { Learner } from "./distil/optimiser.ts";
import type { DistilOptions } from "./distil/options.ts";
import { readState, writeState } from "./distil/state.ts";
import { createStudent, headPrefix, planStudent } from "./distil/student.ts";

const flags = parseArgs(Deno.args, { string: ["out", "data", "config"] });
const number = (name: string, fallback: number) => flags[name] === undefined ? fallback : Number(flags[name]);
const { out, data } = flags;
if (out === undefined || data === undefined) {
  throw new TypeError('Cannot distil: "--data DIR" and "--out DIR" are needed');
}

const options: DistilOptions = {
  data,
  encoder: JSON.parse(await Deno.readTextFile(flags.config ?? new URL("./encoder.json", import.meta.url))),
  teacherSize: 192,
  flickrShare: number("flickr-share", 0.7),
  views: number("views", 16),
  workers: number("workers", 2),
  steps: number("steps", 4000),
  warmup: number("warmup", 200),
  cooldown: number("cooldown", 800),
  learningRate: number("learning-rate", 1.5e-3),
  weightDecay: number("weight-decay", 0.05),
  average: number("average", 200),
  validation: number("validation", 500),
  seed: number("seed", 1),
};
/** Seconds between two saved states, and steps between two looks at the validation photos; neither changes a result. */
const saveEvery = 150, validateEvery = number("validate-every", 200);

await Deno.mkdir(out, { recursive: true });
const statePath = `${out}/state.safetensors`;
const json = JSON.stringify({ ...options, steps: undefined });
const student = createStudent(options);
const plan = planStudent(student, { views: options.views, train: true });
await using backend = await createWasmBackend({ threads: 1 });
const learner = new Learner(backend, plan, options);
using crew = await Crew.start(options, learner.weights);

const saved = await readState(statePath);
if (saved !== undefined && saved.options !== json) {
  throw new TypeError(`Cannot go on with "${statePath}": it was made with ${saved.options}, now they are ${json}`);
}
if (saved === undefined) {
  await learner.publish({ first: true });
  await crew.survey(number("survey", 512));
} else {
  await learner.restore(saved.numbers);
  crew.scale.set(saved.numbers.get("scale")!);
}

const perView = plan.flops / options.views / 1e9;
const parameters = learner.places.reduce((sum, { name, count }) => name.startsWith(headPrefix) ? sum : sum + count, 0);
log({ parameters, gflopPerView: perView, step: saved?.step ?? 0, options });
/** Rises, stays, falls (Hu et al. 2024, "MiniCPM"): until it falls, the run can still be made longer. */
const schedule = (step: number) => {
  const { learningRate, warmup, cooldown, steps } = options;
  return learningRate * Math.min(1, (step + 1) / warmup, (steps - step) / cooldown);
};
let savedAt = performance.now(), loggedAt = savedAt, seen = 0;
const recent = { count: 0, error: 0, angle: 0 };
for (let step = saved?.step ?? 0; step < options.steps; step++) {
  const result = await crew.run({ kind: "step", step });
  const learningRate = schedule(step);
  const norm = await learner.update(crew.gradients, { step, learningRate });
  seen++;
  recent.count += result.count;
  recent.error += result.error;
  recent.angle += result.angle;
  const done = step + 1, last = done === options.steps;
  if (done % 20 === 0 || last) {
    const seconds = (performance.now() - loggedAt) / 1000, rate = recent.count / seconds;
    const [error, angle] = [recent.error / recent.count, recent.angle / recent.count];
    const minutesLeft = (options.steps - done) * seconds / seen / 60;
    log({
      step: done,
      loss: error + angle / 2,
      cosine: 1 - angle / 2,
      norm,
      learningRate,
      viewsPerSecond: rate,
      gflops: rate * perView,
      minutesLeft,
    });
    Object.assign(recent, { count: 0, error: 0, angle: 0 });
    loggedAt = performance.now();
    seen = 0;
  }
  if (done % validateEvery === 0 || last) await validate(done);
  if (last || performance.now() - savedAt > 1000 * saveEvery) {
    await save(done);
    savedAt = performance.now();
  }
}

/** Centred cosine and R² of the average on the validation photos. */
async function validate(step: number): Promise<void> {
  const weights = learner.weights.slice();
  learner.weights.set(learner.average);
  const { count, error, angle, spread } = await crew.run({ kind: "validate" });
  learner.weights.set(weights);
  log({ step, validation: { photos: count, cosine: 1 - angle / count / 2, r2: 1 - error / spread } });
}

async function save(step: number): Promise<void> {
  const numbers = (await learner.save()).set("scale", crew.scale.slice());
  await writeState(statePath, { step, numbers, options: json });
  const folder = `${out}/encoder`, { size, mean, std } = student.pixels;
  await Deno.mkdir(folder, { recursive: true });
  const own = learner.places.filter(({ name }) => !name.startsWith(headPrefix));
  const tensors = new Map(own.map(({ name, shape, offset, count }) => {
    return [name, { shape, values: learner.average.slice(offset, offset + count) }];
  }));
  const preprocessor = {
    image_processor_type: "SiglipImageProcessor",
    size: { height: size, width: size },
    resample: 2,
    image_mean: mean,
    image_std: std,
  };
  await Deno.writeFile(`${folder}/model.safetensors.tmp`, writeSafetensors(tensors, new Map([["format", "pt"]])));
  await Deno.rename(`${folder}/model.safetensors.tmp`, `${folder}/model.safetensors`);
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(options.encoder, undefined, 2) + "\n");
  await Deno.writeTextFile(`${folder}/preprocessor_config.json`, JSON.stringify(preprocessor, undefined, 2) + "\n");
}

function log(entry: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify(entry, (_, value) => typeof value === "number" ? Number(value.toPrecision(6)) : value);
  console.log(line);
  Deno.writeTextFileSync(`${out}/metrics.jsonl`, `${line}\n`, { append: true });
}
