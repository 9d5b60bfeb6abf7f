import { assert, assertEquals } from "@std/assert";
import { drawFloats } from "../../cli/verify/number_generator.ts";
import { allocateMissing } from "../../core/weights.ts";
import {
  bindModel,
  clipBasePatch16,
  createClip,
  createLinearProjector,
  createMiniMind,
  createMlpProjector,
  createModel,
  createSiglip,
  createWasmBackend,
  elementCount,
  embedPrompt,
  encodeImages,
  forward,
  Graph,
  parseMiniMindOptions,
  planGraph,
  planParameters,
  siglipBasePatch32,
  type VisionEncoder,
} from "../../engine.ts";

import { clipPreprocessor, loadImage, preprocess, siglipPreprocessor } from "../../data/image/mod.ts";

const folder = new URL("../../../shared/data/minimind-v-eval/", import.meta.url);
const encoders = { clip: createClip(clipBasePatch16), siglip: createSiglip(siglipBasePatch32) };

/** Image files below a folder; none, with a word about it, where the folder is absent. */
function photos(url: URL): URL[] {
  try {
    return [...Deno.readDirSync(url)].flatMap(({ name, isDirectory }) => {
      const child = new URL(encodeURIComponent(name) + (isDirectory ? "/" : ""), url);
      return isDirectory ? photos(child) : /\.(jpe?g|png)$/i.test(name) ? [child] : [];
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`skipped: there is no ${url.pathname}`);
    return [];
  }
}

/** A model of real geometry around an encoder, with the released models' projectors and MiniMind2-Small's decoder. */
function modelAround(encoder: VisionEncoder) {
  const decoder = createMiniMind(parseMiniMindOptions({ generation: 2 }));
  const joint = { input: encoder.output, width: decoder.width };
  const projector = encoder === encoders.clip ? createLinearProjector(joint) : createMlpProjector(joint);
  return createModel({
    encoder,
    projector,
    decoder,
    placeholder: { marker: 34, tokens: joint.input.tokens, match: "run" },
  });
}

const files = photos(folder);

for (const [name, encoder] of Object.entries(encoders)) {
  Deno.test({
    name: `${name} at real geometry takes evaluation photos from file to logits, different ones for each`,
    ignore: files.length === 0,
    fn: async () => {
      const model = modelAround(encoder);
      await using backend = await createWasmBackend({ threads: 2 });
      let seed = 0;
      const parameters = [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter");
      const source = new Map(parameters.map(({ name, shape }) => {
        const center = shape.length === 1 && name.endsWith(".weight") ? 1 : 0;
        const amplitude = shape.length === 1 ? 0.1 : Math.sqrt(3 * shape[0]! / elementCount(shape));
        const draws = { seed: ++seed, count: elementCount(shape) };
        return [name, { shape, toFloat32: () => drawFloats(draws, { amplitude, center }) }];
      }));
      const weights = bindModel(backend, model, { sources: [source] });

      const { size } = encoder.pixels, { tokens } = encoder.output;
      const graph = new Graph();
      const embeddings = encodeImages(graph, model, graph.input("pixels", "f32", [1, 3, size, size]));
      const ids = graph.input("ids", "i32", [1, tokens + 2]), index = graph.input("index", "i32", [1, tokens + 2]);
      const hidden = embedPrompt(graph, model, { ids, images: { embeddings, index } });
      graph.output("logits", forward(graph, model, { hidden, row: graph.input("row", "i32", [1]) }).logits);
      const plan = planGraph(graph);
      allocateMissing(backend, plan, weights);
      using program = backend.load(plan, weights);
      program.write("ids", new Int32Array(tokens + 2).fill(34));
      program.write("index", Int32Array.from({ length: tokens + 2 }, (_, i) => i < tokens ? i : -1));
      program.write("row", Int32Array.of(tokens + 1));

      const seen = new Set<string>();
      const chosen = files.filter((_, i) => i % 4 === 0);
      for (const file of chosen) {
        const image = await loadImage(await Deno.readFile(file), { name: file.pathname });
        const prepare = name === "clip" ? clipPreprocessor(encoder.pixels) : siglipPreprocessor(encoder.pixels);
        program.write("pixels", preprocess(image, prepare).values);
        program.run();
        const logits = await program.read("logits");
        assert(logits.every(Number.isFinite), file.pathname);
        seen.add(logits.slice(0, 8).join());
      }
      assertEquals(seen.size, chosen.length);
    },
  });
}
