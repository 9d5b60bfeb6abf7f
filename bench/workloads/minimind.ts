/**
 * MiniMind2-Small (26M parameters, f32, random weights): a prompt of 256 tokens, and decoding at context 300.
 *
 * @module
 */
import {
  bindModel,
  createLinearProjector,
  createMiniMind,
  createModel,
  parseMiniMindOptions,
  planDecode,
  planParameters,
  planPrefill,
  samplingSettings,
  type Storage,
} from "../../engine.ts";
import { median } from "../harness.ts";
import { decodeModel, prefillModel } from "../onnx_model.ts";
import { createSession, floats, integers, type Ort, type OrtTensor } from "../peers/onnxruntime_web.ts";
import { randomFloats, randomWeights } from "../random_weights.ts";
import { raceAndCompare } from "./race.ts";
import { load, type Report, type Runner, type Side, type Sides } from "./side.ts";

const promptTokens = 256;
const context = 300;
const steps = 32;
const capacity = 512;
const firstId = 5;

const options = parseMiniMindOptions({ generation: 2 });
const { numHiddenLayers: layers, numKeyValueHeads: G, headDim: C, vocabSize: V } = options;
const prompt = Array.from({ length: promptTokens }, (_, i) => 100 + (i * 37) % (V - 100));

/** The model; its projector is part of no measurement. */
const model = createModel({
  projector: createLinearProjector({ input: { tokens: 196, width: 768 }, width: options.hiddenSize }),
  decoder: createMiniMind(options),
  placeholder: { marker: 34, tokens: 196, match: "exact" },
});

/** Names of the cached tensors, in the peer's graph. */
const cacheNames = Array.from({ length: layers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat();

/** Measures prefill and decode, in tokens per second, and what it takes to plan and load our programs. */
export async function minimind({ ours, ort, rounds }: Sides): Promise<Report> {
  const weights = randomWeights(planParameters(model), 1);
  const values = (name: string) => weights.get(name)!.toFloat32();
  const bound = ours.map((side) => ({ ...side, weights: bindModel(side.backend, model, { sources: [weights] }) }));
  const notes = bound.map(loadTime);
  const prefill = await raceAndCompare(
    [...(ort === undefined ? [] : [await prefillPeer(ort, values)]), ...bound.map(prefillRunner)],
    { work: `prefill ${promptTokens}`, amount: promptTokens, unit: "tok/s", rounds },
  );
  const decode = await raceAndCompare(
    [...(ort === undefined ? [] : [await decodePeer(ort, values)]), ...bound.map(decodeRunner)],
    { work: `decode at ${context}`, amount: steps, unit: "tok/s", rounds },
  );
  for (const { backend, weights } of bound) for (const storage of weights.values()) backend.free(storage);
  return {
    results: [...prefill.results, ...decode.results],
    notes: [...prefill.notes, ...decode.notes, ...notes],
  };
}

/** A backend of ours with the weights on it. */
interface Bound extends Side {
  readonly weights: ReadonlyMap<string, Storage>;
}

function loadTime({ name, backend, weights }: Bound): string {
  const times = Array.from({ length: 5 }, () => {
    const storages = new Map(weights);
    const start = performance.now();
    const prefill = planPrefill(model, { tokens: promptTokens, capacity, draws: true });
    const programs = [prefill, planDecode(model, { capacity })].map((plan) => load(backend, plan, storages));
    const elapsed = performance.now() - start;
    for (const program of programs) program[Symbol.dispose]();
    freeOwn({ backend, weights }, storages);
    return elapsed;
  });
  return `plan and load prefill and decode: ${times[0]!.toFixed(1)} ms first, ${
    median(times).toFixed(1)
  } ms median (${name})`;
}

function prefillRunner({ name, backend, weights }: Bound): Runner {
  const storages = new Map(weights);
  const program = load(backend, planPrefill(model, { tokens: promptTokens, capacity, draws: true }), storages);
  backend.write(storages.get("settings")!, samplingSettings());
  program.write("ids", new Int32Array(prompt));
  program.write("index", new Int32Array(promptTokens).fill(-1));
  program.write("last", new Int32Array([promptTokens - 1]));
  const output = async () => await program.read("logits") as Float32Array;
  return {
    name,
    async run() {
      program.run();
      await output();
    },
    output,
    dispose() {
      program[Symbol.dispose]();
      freeOwn({ backend, weights }, storages);
    },
  };
}

function decodeRunner({ name, backend, weights }: Bound): Runner {
  const storages = new Map(weights);
  const program = load(backend, planDecode(model, { capacity }), storages);
  backend.write(storages.get("settings")!, samplingSettings());
  cacheNames.forEach((cached, seed) => {
    const [part, layer] = cached.split(".");
    const past = randomFloats(G * context * C, seed); // [G,S,C]
    const rows = new Float32Array(context * G * C); // [S,G,C]
    for (let i = 0; i < past.length; i++) {
      const s = Math.floor(i / C) % context;
      rows[(s * G + Math.floor(i / (context * C))) * C + i % C] = past[i]!;
    }
    backend.write(storages.get(`cache.${layer}.${part}`)!, rows);
  });
  const token = storages.get("token")!;
  return {
    name,
    async run() {
      backend.write(storages.get("position")!, new Int32Array([context]));
      backend.write(token, new Int32Array([firstId]));
      for (let step = 0; step < steps; step++) {
        program.run();
        await backend.read(token);
      }
    },
    output: async () => await program.read("logits") as Float32Array,
    dispose() {
      program[Symbol.dispose]();
      freeOwn({ backend, weights }, storages);
    },
  };
}

function freeOwn({ backend, weights }: Pick<Bound, "backend" | "weights">, storages: Map<string, Storage>): void {
  for (const [name, storage] of storages) if (!weights.has(name)) backend.free(storage);
}

async function prefillPeer(ort: Ort, values: (name: string) => Float32Array): Promise<Runner> {
  const session = await createSession(ort, prefillModel(values, options, promptTokens));
  const feeds = { ids: integers(ort, prompt, [1, promptTokens]) };
  let logits = new Float32Array();
  return {
    name: "onnxruntime-web",
    async run() {
      logits = (await session.run(feeds)).logits!.data as Float32Array<ArrayBuffer>;
    },
    output: () => Promise.resolve(logits),
    dispose: () => session.release(),
  };
}

async function decodePeer(ort: Ort, values: (name: string) => Float32Array): Promise<Runner> {
  const session = await createSession(ort, decodeModel(values, options, capacity));
  const past = Object.fromEntries(cacheNames.map((cached, seed) => {
    return [`past.${cached}`, floats(ort, randomFloats(G * context * C, seed), [1, G, context, C])];
  }));
  let logits = new Float32Array();
  return {
    name: "onnxruntime-web",
    async run() {
      let cache: Record<string, OrtTensor> = past;
      let id = firstId;
      for (let step = 0; step < steps; step++) {
        const feeds = { ids: integers(ort, [id], [1, 1]), position: integers(ort, [context + step], [1]), ...cache };
        const output = await session.run(feeds);
        logits = output.logits!.data as Float32Array<ArrayBuffer>;
        id = largest(logits);
        cache = Object.fromEntries(cacheNames.map((cached) => [`past.${cached}`, output[cached]!]));
      }
    },
    output: () => Promise.resolve(logits),
    dispose: () => session.release(),
  };
}

/** Index of the largest number. */
function largest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
