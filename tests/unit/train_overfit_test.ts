import { assert, assertEquals } from "@std/assert";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { isGraphEncoder } from "../../core/encoder.ts";
import { createGenerator } from "../../core/generate.ts";
import { ImageEncoder } from "../../core/image_encoder.ts";
import { createModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import { labelIds } from "../../data/chat/mod.ts";
import { ChatRenderer, imageIndex } from "../../data/chat/mod.ts";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { clipPreprocessor, loadImage, preprocess } from "../../data/image/mod.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { Evaluation } from "../../trainers/evaluation.ts";
import { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import { trainableParameters } from "../../trainers/freeze.ts";
import { initialise } from "../../trainers/initialise.ts";
import { train } from "../../trainers/loop.ts";
import { PreparedImages } from "../../trainers/prepared_images.ts";
import { rowBatches, type RowSource } from "../../trainers/row_batches.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import { TrainStep } from "../../trainers/train_step.ts";
import { fixtureFiles, fixtureTokenizer } from "./fixture_tokenizer.ts";
import { seededWeight } from "./seeded_run.ts";

/** Images of the fixtures and what is to be learnt of them. */
const captions = [
  ["full_colour.jpg", "Many colours."],
  ["palette_4.png", "一个调色板"],
  ["grey_8.png", "Grey from left to right"],
  ["plain.gif", "A GIF, plain and small"],
] as const;

Deno.test("train() makes a tiny model say the captions of 4 images word for word, loss below 0.05", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const tokenizer = fixtureTokenizer("v3");
  const files = fixtureFiles("v3");
  const vocabulary: number[] = Object.values(JSON.parse(files.tokenizer).model.vocab);
  const encoder = createClip(parseClipOptions({
    image_size: 32,
    patch_size: 16,
    hidden_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 64,
  }));
  const decoder = createMiniMind(parseMiniMindOptions({
    generation: 3,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 128,
    vocab_size: Math.max(...vocabulary, ...[...tokenizer.addedTokens.values()].map(({ id }) => id)) + 1,
  }));
  const projector = createMlpProjector({ input: encoder.output, width: decoder.width });
  const marker = tokenizer.encode("<|image_pad|>")[0]!;
  const placeholder = { marker, tokens: encoder.output.tokens, match: "run" } as const;
  const model = createModel({ encoder, projector, decoder, placeholder });
  assert(isGraphEncoder(encoder));
  const weights = new Map(
    [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter").map((tensor) => {
      const storage = backend.alloc(tensor);
      backend.write(storage, seededWeight(tensor));
      return [tensor.name, storage] as const;
    }),
  );
  initialise(backend, weights, { patterns: ["model.*", "vision_proj.*"], seed: 1 });

  using features = new FeatureEncoder(backend, encoder, { weights });
  const images = new PreparedImages({
    key: (file) => Promise.resolve(`${file.length}`),
    prepare: async (file) =>
      await features.encode(preprocess(await loadImage(file), clipPreprocessor(encoder.pixels)).values),
  });
  const renderer = new ChatRenderer({ tokenizer, template: parseChatTemplate(files.config), placeholder });
  const read = (name: string) => Deno.readFile(new URL(`../fixtures/images/${name}`, import.meta.url));
  const question = { role: "user", content: [{ type: "image" }, { type: "text", text: "What is it?" }] } as const;
  const rows: RowSource = {
    length: captions.length,
    async row(index) {
      const [name, caption] = captions[index]!;
      const chat = renderer.render([question, { role: "assistant", content: caption }]);
      return {
        ids: chat.ids,
        labels: labelIds(chat),
        images: [{ span: chat.images[0]!, image: await images.of(await read(name)) }],
      };
    },
  };
  const sizes = { rows: 4, tokens: 96, images: 4 };
  const trainable = trainableParameters("decoder", [...weights.keys()]);
  using step = new TrainStep(backend, model, { weights, sizes, trainable });
  const { imageInput } = step;
  const batches = rowBatches(rows, { sizes, imageInput, padding: 0 });
  const epochs = 120;
  const schedule = cosineSchedule({ learningRate: 5e-3, totalSteps: epochs, warmupSteps: 10 });
  using evaluation = new Evaluation(backend, model, { weights, sizes, imageInput });
  const before = await evaluation.validate(batches);
  for await (const event of train({ step, backend, batches, schedule, epochs })) {
    if (event.type === "skip") assert(false, event.parameter);
  }
  const after = await evaluation.validate(batches);
  assert(after.loss < 0.05, `${after.loss}`);
  // Only the first tokens depend on the image: the others follow from those before them, which stay right.
  assert(before.loss > 3 && before.imageScore! < 0.1 && after.imageScore! > 0.15, `${after.imageScore}`);
  assertEquals(images.counts.prepared, captions.length);

  using generator = createGenerator(backend, model, { weights, context: 128 });
  using embedder = new ImageEncoder(backend, model, { weights });
  const eos = tokenizer.control.eos!.id;
  for (const [name, caption] of captions) {
    const prompt = renderer.render([question], { addGenerationPrompt: true });
    const { values } = preprocess(await loadImage(await read(name)), clipPreprocessor(encoder.pixels));
    const ids: number[] = [];
    const answer = generator.generate({
      ids: prompt.ids,
      images: [await embedder.encode(values)],
      index: imageIndex(prompt, placeholder),
      stopIds: [eos],
      maxNewTokens: 48,
    });
    for await (const id of answer) ids.push(id);
    assertEquals(tokenizer.decode(ids.filter((id) => id !== eos)).replace(/^<think>\s*<\/think>\s*/, ""), caption);
  }
});
