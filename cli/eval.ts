/**
 * `minimind eval`: how good a model's captions and answers are, and whether it looks.
 *
 * @module
 */
import { readNamedImage } from "../data/datasets/image_folder.ts";
import { openImageFolder } from "../sdk/image_folder.ts";
import type { Command } from "./command.ts";
import { answerAll } from "./eval/answer_all.ts";
import { openAnswerFile } from "./eval/answer_file.ts";
import { scoreByLanguage } from "./eval/captions.ts";
import { type ImageScore, imageScore } from "./eval/image_score.ts";
import { rightAnswers, scoreQuestions } from "./eval/questions.ts";
import { type EvalRecord, readRecords } from "./eval/records.ts";
import { captionText, imageScoreText, questionText, speedText } from "./eval/report.ts";
import { describeChat, evalFlags, type EvalFlagValues, type EvalSettings, readSettings } from "./eval/settings.ts";
import { parseFlags } from "./flags.ts";
import { Interrupted, interruptedCode, Interrupts } from "./interrupts.ts";
import { type ModelRequest, requestModel } from "./model_flags.ts";
import { openModel } from "./open_model.ts";
import { note, stdout } from "./terminal.ts";

/** Positions of a row where nothing is said: enough for an image, a question and an answer. */
const defaultContext = 512;

/** Evaluates a model. */
export const evalCommand: Command = {
  name: "eval",
  summary: "Score captions and yes-or-no answers, beside the right images and beside wrong ones",
  usage: "captions|questions FILE [MODEL]",
  flags: evalFlags,
  examples: [
    "eval captions eval-captions.jsonl ./my-model --images images --output captions.jsonl",
    "eval captions eval-captions.jsonl ./my-model --beam 1 --limit 200 --json -",
    "eval questions eval-questions.jsonl minimind-3v --images images --json result.json",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags, positional: [task, file, ...rest] } = parseFlags(args, evalFlags);
  if (task !== "captions" && task !== "questions") {
    throw new TypeError(`Cannot evaluate "${task ?? ""}": there are eval captions FILE and eval questions FILE`);
  }
  if (file === undefined) throw new TypeError("Cannot evaluate: name a file, a line of JSON for each question");
  const settings = readSettings(flags, { task, file });
  const request = await requestModel(flags, { positional: rest });
  const records = await readRecords(file, settings);
  const right = task === "questions" ? rightAnswers(records, settings) : undefined;
  using interrupts = new Interrupts();
  try {
    await interrupts.during((signal) => evaluate(records, { settings, flags, request, right, signal }));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    note(error.message);
    return interruptedCode;
  }
  return 0;
}

/** What an evaluation is made of. */
interface Work {
  readonly settings: EvalSettings;
  readonly flags: EvalFlagValues;
  readonly request: ModelRequest;
  readonly right: ReturnType<typeof rightAnswers> | undefined;
  readonly signal: AbortSignal;
}

async function evaluate(records: readonly EvalRecord[], work: Work): Promise<void> {
  const { settings, flags, request, right, signal } = work;
  const { task, file, batch, chat } = settings;
  const { output, json, quiet } = flags;
  const config = { ...request.config, context: request.config.context ?? defaultContext };
  const conversations = batch * chat.beams;
  const { model } = await openModel({ ...request, config }, { flags, conversations, quiet, signal });
  await using _ = model;
  if (!quiet) note(`${records.length} lines of ${file}: ${describeChat(settings)}`);
  const readFile = openImageFolder(settings.images);
  const readImage = ({ image, line }: EvalRecord) =>
    readNamedImage(image, { place: `line ${line} of "${file}"`, readImage: readFile, maxBytes: 20 * 2 ** 20, signal });

  using answers = output === undefined ? undefined : openAnswerFile(output);
  const { answers: given, speed } = await answerAll(records, {
    model,
    readImage,
    chat: { ...chat, signal },
    batch,
    quiet,
    onAnswer: (record, answer) => answers?.write(record, answer),
  });
  const texts = given.map(({ text }) => text);
  const scores = new Map<string, ImageScore | undefined>();
  for (const language of new Set(records.map((record) => record.language))) {
    if (settings.imageScore === 0) break;
    const own = records.filter((record) => record.language === language);
    if (!quiet) note(`measuring losses beside exchanged images (${language})`);
    scores.set(language, await imageScore(own, { model, readImage, limit: settings.imageScore, signal }));
  }

  const questions = right === undefined ? undefined : scoreQuestions(records, { right, texts });
  const captions = right === undefined ? scoreByLanguage(records, texts) : undefined;
  const text = questions === undefined ? captionText(captions!) : questionText(questions);
  const parts = [text, ...scores.size > 0 ? [imageScoreText(scores)] : [], speedText(speed)];
  const result = {
    task,
    model: model.parts.name,
    file,
    records: records.length,
    images: new Set(records.map(({ image }) => image)).size,
    decoding: chat,
    languages: Object.fromEntries(
      [...questions ?? captions!].map(([language, own]) => [language, { ...own, imageScore: scores.get(language) }]),
    ),
    speed,
  };
  const written = `${JSON.stringify(result, undefined, 2)}\n`;
  if (json === "-") stdout.write(written);
  else stdout.write(`${parts.join("\n\n")}\n`);
  if (json !== undefined && json !== "-") await Deno.writeTextFile(json, written);
}
