/**
 * CLIP ViT-B/16 on one image of 224 pixels (86M parameters, f32, random weights).
 *
 * @module
 */
import { bindWeights, clipBasePatch16, createClip, Graph, planGraph } from "../../engine.ts";
import { clipModel } from "../onnx_model.ts";
import { createSession, floats, type Ort } from "../peers/onnxruntime_web.ts";
import { randomFloats, randomWeights } from "../random_weights.ts";
import { raceAndCompare } from "./race.ts";
import type { Report, Runner, Sides } from "./side.ts";

const encoder = createClip(clipBasePatch16);
const shape = [1, 3, encoder.pixels.size, encoder.pixels.size];
const pixels = () => randomFloats(shape.reduce((product, extent) => product * extent), 3);

/** Measures images per second. */
export async function clip({ ours, ort, rounds }: Sides): Promise<Report> {
  const graph = new Graph();
  graph.output("features", encoder.encode(graph, graph.input("pixels", "f32", shape)));
  const plan = planGraph(graph);
  const weights = randomWeights(plan, 2);
  const runners: Runner[] = ort === undefined ? [] : [await peer(ort, (name) => weights.get(name)!.toFloat32())];
  for (const { name, backend } of ours) {
    const storages = bindWeights(backend, [plan], { sources: [weights] });
    const program = backend.load(plan, storages);
    program.write("pixels", pixels());
    const output = async () => await program.read("features") as Float32Array;
    runners.push({
      name,
      async run() {
        program.run();
        await output();
      },
      output,
      dispose() {
        program[Symbol.dispose]();
        for (const storage of storages.values()) backend.free(storage);
      },
    });
  }
  return await raceAndCompare(runners, { work: "CLIP ViT-B/16", amount: 1, unit: "images/s", rounds });
}

async function peer(ort: Ort, weights: (name: string) => Float32Array): Promise<Runner> {
  const session = await createSession(ort, clipModel(weights, clipBasePatch16));
  const feeds = { pixels: floats(ort, pixels(), shape) };
  let features = new Float32Array();
  return {
    name: "onnxruntime-web",
    async run() {
      features = (await session.run(feeds)).features!.data as Float32Array<ArrayBuffer>;
    },
    output: () => Promise.resolve(features),
    dispose: () => session.release(),
  };
}
