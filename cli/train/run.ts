/**
 * One training run from settings to a model's folder.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import { planParameters } from "../../core/model_plans.ts";
import { type DatasetError, epochOrder } from "../../data/datasets/mod.ts";
import { formatBytes } from "../../data/hub/mod.ts";
import { formatLoad } from "../../data/load_summary.ts";
import { adapterDocument } from "../../sdk/adapters.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { openFiles } from "../../sdk/files.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { openRandomAccess } from "../../sdk/random_access.ts";
import { CheckpointStore } from "../../trainers/checkpoint_store.ts";
import { digestWeights } from "../../trainers/digest.ts";
import { Evaluation } from "../../trainers/evaluation.ts";
import { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import { trainableParameters } from "../../trainers/freeze.ts";
import { initialise } from "../../trainers/initialise.ts";
import { train } from "../../trainers/loop.ts";
import { writeModelFiles, writeText } from "../../trainers/model_files.ts";
import { rowBatches } from "../../trainers/row_batches.ts";
import type { RunState } from "../../trainers/run_state.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import { TrainStep } from "../../trainers/train_step.ts";
import { variedRows } from "../../trainers/varied_rows.ts";
import { openHub } from "../hub_flags.ts";
import { Interrupted, interruptedCode } from "../interrupts.ts";
import { modelDocuments } from "./documents.ts";
import { follow } from "./follow.ts";
import { prepareFeatures, preparePixels } from "./images.ts";
import { openLora, writeAdapterFolder } from "./lora.ts";
import { answerProbes, takeProbes } from "./probes.ts";
import { TrainProgress } from "./progress.ts";
import { fullness, planSplit } from "./packs.ts";
import { mostImages, splitData, trainMaker, trainRows } from "./rows.ts";
import { RunLog } from "./run_log.ts";
import { findSource } from "./start.ts";
import { decisive, runFile, type TrainSettings } from "./settings.ts";
import { SkippedRows } from "./skipped_rows.ts";
import { idleNotice, onlyFull } from "./upstream.ts";
import { writeWeightFile } from "./weight_file.ts";

/**
 * Trains and resolves to the exit code. The first Ctrl-C saves what was learnt up to the last update and ends the run,
 * a second one the program at once.
 */
export async function runTraining(settings: TrainSettings): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) Deno.exit(interruptedCode);
    controller.abort(new Interrupted());
  };
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    await runUntil(settings, controller.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return interruptedCode;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

async function runUntil(settings: TrainSettings, signal: AbortSignal): Promise<void> {
  const store = createFileStore(settings.out);
  const progress = new TrainProgress(settings.logEvery);
  for (const notice of settings.notices) progress.note(notice);
  const checkpoints = new CheckpointStore(store);
  const resumed = settings.resume && await checkpoints.load(settings.resume);
  if (settings.resume === undefined && !settings.overwrite && (await store.list("checkpoints")).length > 0) {
    const hint = "go on with --from-resume 1, or start over with --overwrite";
    throw new ConfigError(`Cannot train into "${settings.out}": there is a run already; ${hint}`);
  }
  if (settings.resume === undefined) {
    for (const folder of ["checkpoints", "best"]) await store.remove(folder);
  }

  await using dataFile = await openRandomAccess(settings.data);
  await using valFile = settings.valData === undefined ? undefined : await openRandomAccess(settings.valData);
  const data = await splitData(dataFile, { settings, valFile });
  const { start: { model: name, parts: given, base, allowMissing } } = settings;
  const hub = () => openHub(settings.hub);
  using files = openFiles({ base, hub, signal });
  const source = await findSource(settings.start, files);
  const backend = {
    use: settings.backend,
    options: settings.threads === undefined ? {} : { threads: settings.threads },
  };
  const missing: string[] = [];
  await using chat = await loadModel({ ...given, model: name, backend }, {
    base,
    hub,
    signal,
    onNotice: (notice) => progress.note(notice),
    onLoaded: (loaded) => {
      progress.note(formatLoad(loaded));
      missing.push(...loaded.flatMap(({ missing }) => missing));
    },
    allowMissing,
    fresh: settings.init,
  });
  const known = planParameters(chat.parts.model).storages;
  const parameters = new Map([...chat.parts.weights].filter(([name]) => known.get(name)?.role === "parameter"));
  initialise(chat.parts.backend, parameters, { patterns: [...settings.init, ...missing], seed: settings.seed });
  using lora = await openLora(chat.parts, { settings, files, missing });
  const parts = lora === undefined ? chat.parts : { ...chat.parts, model: lora.model, weights: lora.weights };

  const trainable = lora?.trainable ?? trainableParameters(settings.freeze, [...parameters.keys()]);
  const frozen = await digestWeights(parts.backend, parameters, (name) => !trainable.has(name));
  const digests: Record<string, string> = {
    data: await sha256(settings.data),
    "weights at the start": await digestWeights(parts.backend, parameters, () => true),
    "frozen weights": frozen,
  };
  const mixed = settings.mixed && parts.backend.capabilities.f16;
  if (settings.mixed && !mixed) progress.note(idleNotice("--dtype float16", onlyFull));
  const generation = parts.model.placeholder.match === "exact" ? 2 : 3;
  const tail = settings.tail ?? (generation === 2 ? "carry" : "flush");
  const config = JSON.stringify({
    ...decisive(settings),
    tail,
    rows: data.training.length,
    frozen,
    ...mixed && { precision: "f16" },
    ...lora && { lora: { ...settings.lora, rank: lora.options.rank, alpha: lora.options.alpha } },
  });
  if (resumed !== undefined) checkConfig(resumed.config, config);
  await writeText(store, runFile, settings.text);

  const { tokenizer, model } = parts;
  const skipped = new SkippedRows((line) => progress.note(line));
  const onSkip = (error: DatasetError) => skipped.add(error);
  const packs = settings.pack ? await planSplit(data, { parts, settings, onSkip }) : undefined;
  const maxImages = settings.maxImages ?? packs?.images ??
    Math.max(await mostImages(data.training), await mostImages(data.validation));
  const sizes = {
    rows: settings.batchSize,
    tokens: settings.tokens,
    images: maxImages * settings.batchSize,
    packed: settings.pack,
  };
  using step = new TrainStep(parts.backend, model, {
    weights: parts.weights,
    sizes,
    trainable,
    clip: settings.clip,
    accumulation: settings.accumulation,
    adamw: { weightDecay: settings.weightDecay },
    rules: settings.rules,
    ema: settings.ema,
    recompute: settings.recompute,
    precision: mixed ? "f16" : "f32",
  });
  resumed?.restore({ step, backend: parts.backend });
  const { imageInput, result } = step;
  const encoderLearns = imageInput.kind === "pixels";
  if (settings.variation.flip && !encoderLearns) {
    throw new ConfigError('Cannot use flag "--flip": images are features of a frozen encoder, see --freeze');
  }
  const documents = await modelDocuments(source, { files, placeholder: model.placeholder, encoderLearns });
  using encoder = new FeatureEncoder(parts.backend, model.encoder!, { weights: parts.weights });
  const images = encoderLearns
    ? preparePixels(parts, { maxBytes: settings.imageBytes })
    : await prepareFeatures(parts, { encoder, folder: settings.featureCache, maxBytes: settings.imageBytes });
  const padding = tokenizer.control.pad?.id ?? 0;
  const taken = trainRows(data.training, { parts, settings, images, packs: packs?.training, varies: true, onSkip });
  const { size } = model.encoder!.pixels;
  const rows = variedRows(taken, { ...settings.variation, seed: settings.seed, blank: padding, size });
  const shuffle = packs === undefined ? data.training.nearby : undefined;
  const order = (epoch: number) => epochOrder(rows.length, { seed: settings.seed, epoch, shuffle });
  const batches = rowBatches(rows, { sizes, imageInput, padding, order });
  const testRows = trainRows(data.validation, {
    parts,
    settings,
    images,
    packs: packs?.validation,
    varies: false,
    onSkip,
  });
  const tests = rowBatches(testRows, { sizes, imageInput, padding });

  using evaluation = testRows.length === 0 ? undefined : new Evaluation(parts.backend, model, {
    weights: result,
    sizes,
    imageInput,
  });
  const maker = trainMaker({ parts, settings, images, onSkip }, { varies: false });
  const probes = await takeProbes(testRows.length > 0 ? data.validation : data.training, {
    count: settings.samples,
    make: (row) => maker.make(row),
  });
  const log = await RunLog.open(store, {
    batches: resumed?.state.batches ?? 0,
    title: `${settings.stage} of ${source.name}`,
    tables: { Settings: JSON.parse(config), Digests: digests, "Rows left out": skipped.counts },
    probes,
  });
  const save = async (state: RunState, { best }: { readonly best: boolean }) => {
    await log.flush();
    await checkpoints.save({ step, backend: parts.backend }, { state, config, seed: settings.seed });
    if (best) await writeModel("best");
    await writeResult();
    await log.report();
  };
  const writeModel = async (folder: string) => {
    if (lora !== undefined) return await writeAdapterFolder(lora, { store, folder, settings, weights: result });
    await store.remove(folder === "" ? adapterDocument : `${folder}/${adapterDocument}`); // of a run that was before
    await writeModelFiles(store, folder, {
      backend: parts.backend,
      weights: new Map([...result].filter(([name]) => parameters.has(name))),
      withEncoder: documents.withEncoder,
      encoderFile: documents.encoderFile,
      documents: documents.texts,
    });
    return undefined;
  };
  /** What a run leaves behind, as it is now. */
  const writeResult = async () => {
    const adapter = await writeModel("");
    if (settings.weight !== undefined) await writeWeightFile(settings.out, settings.weight);
    return adapter;
  };

  const count = step.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  const packed = packs && ` in ${rows.length} packs, ${fullness(packs.training, settings.tokens)} full`;
  const learnt = packs?.training.rows ?? rows.length;
  progress.note(
    `${learnt} rows${packed ?? ""}, ${batches.batchesPerEpoch} batches an epoch, ${count} parameters to train`,
  );
  if (resumed !== undefined) progress.note(`going on after ${resumed.state.batches} batches`);
  const run = train({
    step,
    backend: parts.backend,
    batches,
    schedule: cosineSchedule({
      learningRate: settings.learningRate,
      totalSteps: settings.epochs * batches.batchesPerEpoch,
      warmupSteps: settings.warmupSteps,
      generation,
    }),
    epochs: settings.epochs,
    accumulation: settings.accumulation,
    tail,
    state: resumed?.state,
    validate: evaluation && (() => evaluation.validate(tests, { signal })),
    validateEvery: settings.validateEvery,
    save,
    saveEvery: settings.saveEvery,
    signal,
  });
  const answer = async (batches: number) => {
    return await answerProbes(probes, { parts: { ...parts, weights: result }, images, imageInput, batches });
  };
  const best = await follow(run, {
    log,
    progress,
    answer: probes.length === 0 ? undefined : answer,
    answerEvery: settings.sampleEvery ?? batches.batchesPerEpoch,
    from: resumed?.state.batches ?? 0,
  });
  const adapter = await writeResult(); // again, for a run that was ended after its last checkpoint
  digests["weights at the end"] = await digestWeights(parts.backend, result, (name) => known.has(name));
  await log.report();
  const { prepared, kept, prepareMs } = images.counts;
  const seconds = (prepareMs / 1000).toFixed(1);
  progress.note(
    encoderLearns
      ? `images: ${prepared} decoded in ${seconds} s`
      : `features: ${prepared} images encoded in ${seconds} s, ${kept} from earlier runs`,
  );
  const left = skipped.summary();
  if (left !== undefined) progress.note(left);
  if (adapter !== undefined) progress.note(`adapter: ${adapter.file}, ${formatBytes(adapter.bytes)}`);
  if (best !== undefined && best.batches < batches.batchesPerEpoch * settings.epochs) {
    progress.note(`best validation loss ${best.loss.toFixed(4)}, after ${best.batches} batches: ${settings.out}/best`);
  }
  progress.note(`saved to ${store.location}: chat with it by "minimind chat ${settings.out}${settings.start.flags}"`);
  if (documents.encoderFile !== undefined) {
    progress.note(`the encoder's weights are in ${store.locate(documents.encoderFile)}: name them beside its "use"`);
  }
}

async function sha256(file: string): Promise<string> {
  return await createFileStore(dirname(file)).sha256(basename(file));
}

/** @throws {ConfigError} naming the settings that differ */
function checkConfig(saved: string, now: string): void {
  const [before, after]: [Record<string, unknown>, Record<string, unknown>] = [JSON.parse(saved), JSON.parse(now)];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const differing = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  if (differing.length === 0) return;
  const list = differing.map((key) => `${key} was ${JSON.stringify(before[key])}, is ${JSON.stringify(after[key])}`);
  throw new ConfigError(`Cannot go on with the run: ${list.join("; ")}`);
}
