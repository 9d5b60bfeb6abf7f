/**
 * A worker: looks at its views of a step, asks the teacher, and gives the gradients. While the others are still busy it
 * prepares its next step.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { createWasmBackend } from "../../../../backends/wasm/mod.ts";
import type { Program, Storage } from "../../../../core/backend.ts";
import { allocateMissing } from "../../../../core/weights.ts";
import { readSafetensors } from "../../../../data/safetensors.ts";
import type { DistilOptions, ParameterPlace } from "./options.ts";
import { openPack, type PhotoPack } from "./photos.ts";
import { createStudent, parameterPlaces, planStudent } from "./student.ts";
import { Teacher } from "./teacher.ts";
import { drawView, plainLight, stretch, studentPixels, type WeightedPack } from "./views.ts";

/** First message: all a worker needs. */
export interface WorkerSetup {
  /** Which of the workers it is, from 0. */
  readonly index: number;
  /** The run. */
  readonly options: DistilOptions;
  /** The teacher's loops. */
  readonly module: WebAssembly.Module;
  /** The weights of the step, written by the main thread. */
  readonly weights: Float32Array;
  /** Its gradients. */
  readonly gradients: Float32Array;
  /** Mean of each channel of the teacher's features, and their spread, 1281 numbers; set before the first step. */
  readonly scale: Float32Array;
}

/** What a worker is asked. */
export type WorkerTask =
  | { readonly kind: "step"; readonly step: number }
  | { readonly kind: "validate" }
  | { readonly kind: "survey"; readonly count: number };

/** Sums over views or photos. */
export interface WorkerResult {
  /** Views. */
  readonly count: number;
  /** Sum of the mean squared errors. */
  readonly error: number;
  /** Sum of the angles. */
  readonly angle: number;
  /** Sum of the targets' mean squares; only of validation. */
  readonly spread: number;
  /** Sums of the features and of their squares by channel; only of a survey. */
  readonly moments?: Float64Array | undefined;
}

/** Pixels and targets of some views. */
interface Batch {
  readonly pixels: Float32Array;
  readonly target: Float32Array;
}

class Worker {
  readonly #setup: WorkerSetup;
  readonly #teacher: Teacher;
  readonly #packs: readonly WeightedPack[];
  readonly #validation: PhotoPack;
  readonly #places: readonly ParameterPlace[];
  readonly #storages: ReadonlyMap<string, Storage>;
  readonly #backend: Awaited<ReturnType<typeof createWasmBackend>>;
  readonly #train: Program;
  readonly #look: Program;
  readonly #size: number;
  readonly #numbers: number;
  #prepared: { readonly step: number; readonly batch: Promise<Batch> } | undefined;
  #validationTargets: Float32Array[] = [];

  constructor(setup: WorkerSetup, parts: {
    readonly backend: Awaited<ReturnType<typeof createWasmBackend>>;
    readonly teacher: Teacher;
    readonly packs: readonly WeightedPack[];
    readonly validation: PhotoPack;
  }) {
    const { options } = setup;
    const student = createStudent(options);
    const plans = [true, false].map((train) => planStudent(student, { views: options.views, train }));
    const storages = new Map<string, Storage>();
    for (const [name, tensor] of plans[0]!.storages) {
      if (tensor.role === "parameter") storages.set(name, parts.backend.alloc(tensor));
    }
    for (const plan of plans) allocateMissing(parts.backend, plan, storages);
    this.#setup = setup;
    this.#backend = parts.backend;
    this.#teacher = parts.teacher;
    this.#packs = parts.packs;
    this.#validation = parts.validation;
    this.#places = parameterPlaces(plans[0]!);
    this.#storages = storages;
    this.#size = student.pixels.size;
    this.#numbers = 3 * student.pixels.size ** 2;
    [this.#train, this.#look] = plans.map((plan) => parts.backend.load(plan, storages)) as [Program, Program];
    for (const program of [this.#train, this.#look]) {
      program.write("counted", new Int32Array(options.views * student.output.tokens));
    }
  }

  async run(task: WorkerTask): Promise<WorkerResult> {
    if (task.kind === "survey") return await this.#survey(task.count);
    if (task.kind === "validate") return await this.#validate();
    return await this.#step(task.step);
  }

  async #step(step: number): Promise<WorkerResult> {
    const { options: { views }, gradients } = this.#setup;
    const prepared = this.#prepared?.step === step ? this.#prepared.batch : this.#prepare(step);
    const { pixels, target } = await prepared;
    this.#load();
    this.#train.write("pixels", pixels);
    this.#train.write("target", target);
    this.#train.run();
    for (const { name, offset, count } of this.#places) {
      const storage = this.#storages.get(`gradient.${name}`)!;
      gradients.set(await this.#backend.read(storage) as Float32Array, offset);
      this.#backend.write(storage, new Float32Array(count));
    }
    const [error, angle] = [await this.#train.read("error"), await this.#train.read("angle")];
    return { count: views, error: error[0]! * views, angle: angle[0]! * views, spread: 0 };
  }

  /** Begins what the step after `step` needs. */
  prepareAfter(step: number): void {
    if (step + 1 < this.#setup.options.steps) this.#prepared = { step: step + 1, batch: this.#prepare(step + 1) };
  }

  async #prepare(step: number): Promise<Batch> {
    const { index, options: { views, workers, seed, teacherSize } } = this.#setup;
    const pixels = new Float32Array(views * this.#numbers);
    const targets: Float32Array[] = [];
    for (let i = 0; i < views; i++) {
      const { image, light } = await drawView(this.#packs, { seed, number: (step * workers + index) * views + i });
      const own = pixels.subarray(i * this.#numbers, (i + 1) * this.#numbers);
      studentPixels(stretch(image, this.#size), light, own);
      targets.push(this.#scaled(await this.#teacher.features(stretch(image, teacherSize))));
    }
    return { pixels, target: concat(targets) };
  }

  /** The validation photos whose turn is this worker's, with the weights as they are. */
  async #validate(): Promise<WorkerResult> {
    await this.#prepared?.batch; // the teacher does one thing at a time
    const { index, options: { views, workers, teacherSize } } = this.#setup;
    this.#load();
    const mine = Array.from({ length: this.#validation.count }, (_, i) => i).filter((i) => i % workers === index);
    const sum = { count: 0, error: 0, angle: 0, spread: 0 };
    for (let first = 0; first + views <= mine.length; first += views) {
      const pixels = new Float32Array(views * this.#numbers);
      for (let i = 0; i < views; i++) {
        const photo = await this.#validation.photo(mine[first + i]!);
        studentPixels(
          stretch(photo, this.#size),
          plainLight,
          pixels.subarray(i * this.#numbers, (i + 1) * this.#numbers),
        );
        this.#validationTargets[first + i] ??= this.#scaled(
          await this.#teacher.features(stretch(photo, teacherSize)),
        );
      }
      const target = concat(this.#validationTargets.slice(first, first + views));
      this.#look.write("pixels", pixels);
      this.#look.write("target", target);
      this.#look.run();
      sum.count += views;
      sum.error += (await this.#look.read("error"))[0]! * views;
      sum.angle += (await this.#look.read("angle"))[0]! * views;
      sum.spread += views * target.reduce((total, value) => total + value * value, 0) / target.length;
    }
    return sum;
  }

  /** Mean and spread of the teacher's features over this worker's part of the first views. */
  async #survey(count: number): Promise<WorkerResult> {
    const { index, options: { workers, seed, teacherSize } } = this.#setup;
    const width = this.#setup.scale.length - 1;
    const moments = new Float64Array(2 * width + 1);
    for (let number = index; number < count; number += workers) {
      const { image } = await drawView(this.#packs, { seed: seed + 1, number });
      const features = await this.#teacher.features(stretch(image, teacherSize));
      for (let i = 0; i < features.length; i++) {
        moments[i % width]! += features[i]!;
        moments[width + i % width]! += features[i]! ** 2;
      }
      moments[2 * width]! += features.length / width;
    }
    return { count, error: 0, angle: 0, spread: 0, moments };
  }

  /** Features around their mean, in units of their spread. */
  #scaled(features: Float32Array): Float32Array {
    const { scale } = this.#setup;
    const width = scale.length - 1, factor = 1 / scale[width]!;
    return features.map((value, i) => (value - scale[i % width]!) * factor);
  }

  #load(): void {
    for (const { name, offset, count } of this.#places) {
      this.#backend.write(this.#storages.get(name)!, this.#setup.weights.subarray(offset, offset + count));
    }
  }
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

async function createWorker(setup: WorkerSetup): Promise<Worker> {
  const { options: { data, flickrShare, teacherSize, validation }, module } = setup;
  const backend = await createWasmBackend({ threads: 1 });
  const file = await Deno.readFile(`${data}/mobilenetv2-035-imagenet/mobilenetv2_035_224_base.safetensors`);
  const teacher = new Teacher(backend, { weights: readSafetensors(file).tensors, size: teacherSize, module });
  const packs = [
    { pack: await openPack(`${data}/flickr8k-cn/train`), share: flickrShare, leastArea: 0.35 },
    { pack: await openPack(`${data}/tiny-imagenet-126/train`), share: 1 - flickrShare, leastArea: 0.5 },
  ];
  return new Worker(setup, {
    backend,
    teacher,
    packs,
    validation: await openPack(`${data}/flickr8k-cn/val`, validation),
  });
}

let worker: Promise<Worker>;
self.onmessage = async ({ data }: MessageEvent<WorkerSetup | WorkerTask>) => {
  if ("module" in data) {
    worker = createWorker(data);
    await worker;
    self.postMessage("ready");
    return;
  }
  const own = await worker;
  self.postMessage(await own.run(data));
  if (data.kind === "step") own.prepareAfter(data.step);
};
// Messages that come while modules are still loading are lost, so the main thread waits for this one.
self.postMessage("loaded");
