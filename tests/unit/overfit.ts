/**
 * Over-fitting: a small model learns the captions of a few images by heart, for tests of training as a whole.
 *
 * @module
 */
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend, Storage } from "../../core/backend.ts";
import type { GraphEncoder } from "../../core/encoder.ts";
import { createGenerator } from "../../core/generate.ts";
import { ImageEncoder } from "../../core/image_encoder.ts";
import { createModel, type VisionLanguageModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import { ChatRenderer, imageIndex, labelIds } from "../../data/chat/mod.ts";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { clipPreprocessor, loadImage, preprocess, siglipPreprocessor } from "../../data/image/mod.ts";
import { parseTokenizer, type TokenizerFiles } from "../../data/tokenizer.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { Evaluation } from "../../trainers/evaluation.ts";
import { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import { type FreezePolicy, trainableParameters } from "../../trainers/freeze.ts";
import { initialise } from "../../trainers/initialise.ts";
import { train } from "../../trainers/loop.ts";
import { PreparedImages } from "../../trainers/prepared_images.ts";
import { rowBatches, type RowSource } from "../../trainers/row_batches.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import type { StepEvent, Validation } from "../../trainers/train_events.ts";
import { TrainStep } from "../../trainers/train_step.ts";

/** An image and what is to be said of it. */
export interface Captioned {
  /** The image file. */
  readonly file: Uint8Array;
  /** The answer. */
  readonly caption: string;
}

/** What learns, and how long. */
export interface OverfitOptions {
  /** Files of the tokenizer, of minimind-3v's kind. */
  readonly tokenizer: TokenizerFiles;
  /** The encoder. */
  readonly encoder: GraphEncoder;
  /** Keys of the decoder's `config.json`; the vocabulary is the tokenizer's. */
  readonly decoder: Readonly<Record<string, unknown>>;
  /** What is trained. */
  readonly policy: FreezePolicy;
  /** Rows of a batch. */
  readonly rows: number;
  /** Tokens of a row. */
  readonly tokens: number;
  /** Times through the images. */
  readonly epochs: number;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Threads. */
  readonly threads: number;
  /** Told of every update. */
  readonly onStep?: ((event: StepEvent) => void) | undefined;
}

/** What came of it. */
export interface Overfitted {
  /** Losses before. */
  readonly before: Validation;
  /** Losses after. */
  readonly after: Validation;
  /** What the model says of each image, decoded greedily. */
  readonly answers: readonly string[];
  /** Images that were decoded. */
  readonly prepared: number;
}

const question = { role: "user", content: [{ type: "image" }, { type: "text", text: "What is it?" }] } as const;

/** Trains a model from nothing on images and captions, and asks it for them. */
export async function overfit(items: readonly Captioned[], options: OverfitOptions): Promise<Overfitted> {
  const { encoder, rows: count, tokens, epochs } = options;
  await using backend = await createWasmBackend({ threads: options.threads });
  const { model, renderer, tokenizer } = await assemble(options);
  const weights = drawWeights(backend, model);
  const trainable = trainableParameters(options.policy, [...weights.keys()]);
  const sizes = { rows: count, tokens, images: count };
  using step = new TrainStep(backend, model, { weights, sizes, trainable });
  const { imageInput } = step;

  using features = new FeatureEncoder(backend, encoder, { weights });
  const preprocessor = (encoder.pixels.fit === "stretch" ? siglipPreprocessor : clipPreprocessor)(encoder.pixels);
  const images = new PreparedImages({
    key: (file) => Promise.resolve(String(items.findIndex((item) => item.file === file))),
    prepare: async (file) => {
      const { values } = preprocess(await loadImage(file), preprocessor);
      return imageInput.kind === "pixels" ? values : await features.encode(values);
    },
  });
  const source: RowSource = {
    length: items.length,
    async row(index) {
      const { file, caption } = items[index]!;
      const chat = renderer.render([question, { role: "assistant", content: caption }]);
      const image = { span: chat.images[0]!, image: await images.of(file) };
      return { ids: chat.ids, labels: labelIds(chat), images: [image] };
    },
  };
  const batches = rowBatches(source, { sizes, imageInput, padding: 0 });
  using evaluation = new Evaluation(backend, model, { weights, sizes, imageInput });
  const before = await evaluation.validate(batches);
  const totalSteps = epochs * batches.batchesPerEpoch;
  const schedule = cosineSchedule({ learningRate: options.learningRate, totalSteps, warmupSteps: 10 });
  for await (const event of train({ step, backend, batches, schedule, epochs })) {
    if (event.type === "skip") throw new RangeError(`Cannot learn captions: "${event.parameter}" is not finite`);
    if (event.type === "step") options.onStep?.(event);
  }
  const after = await evaluation.validate(batches);

  using generator = createGenerator(backend, model, { weights, context: tokens + 32 });
  using embedder = new ImageEncoder(backend, model, { weights });
  const eos = tokenizer.control.eos!.id;
  const answers: string[] = [];
  for (const { file } of items) {
    const prompt = renderer.render([question], { addGenerationPrompt: true });
    const { values } = preprocess(await loadImage(file), preprocessor);
    const ids: number[] = [];
    const answer = generator.generate({
      ids: prompt.ids,
      images: [await embedder.encode(values)],
      index: imageIndex(prompt, model.placeholder),
      stopIds: [eos],
      maxNewTokens: tokens + 32 - prompt.ids.length,
    });
    for await (const id of answer) ids.push(id);
    answers.push(tokenizer.decode(ids.filter((id) => id !== eos)).replace(/^<think>\s*<\/think>\s*/, ""));
  }
  return { before, after, answers, prepared: images.counts.prepared };
}

async function assemble({ encoder, tokenizer: files, decoder: config }: OverfitOptions) {
  const tokenizer = await parseTokenizer(files);
  const known: number[] = Object.values(JSON.parse(files.tokenizer).model.vocab);
  const added = [...tokenizer.addedTokens.values()].map(({ id }) => id);
  const vocabulary = Math.max(...known, ...added) + 1;
  const decoder = createMiniMind(parseMiniMindOptions({ generation: 3, vocab_size: vocabulary, ...config }));
  const projector = createMlpProjector({ input: encoder.output, width: decoder.width });
  const marker = tokenizer.encode("<|image_pad|>")[0]!;
  const placeholder = { marker, tokens: encoder.output.tokens, match: "run" } as const;
  const model = createModel({ encoder, projector, decoder, placeholder });
  const renderer = new ChatRenderer({ tokenizer, template: await parseChatTemplate(files.config), placeholder });
  return { model, renderer, tokenizer };
}

/** A model that knows nothing. */
function drawWeights(backend: Backend, model: VisionLanguageModel): Map<string, Storage> {
  const parameters = [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter");
  const weights = new Map(parameters.map((tensor) => [tensor.name, backend.alloc(tensor)]));
  initialise(backend, weights, { patterns: ["*"], seed: 1 });
  return weights;
}
