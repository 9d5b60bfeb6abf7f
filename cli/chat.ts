/**
 * `minimind chat`: asks a model, once or in a conversation, about images or without.
 *
 * @module
 */
import { type ImageSource, prepareImage } from "../data/image/mod.ts";
import type { ChatOptions } from "../core/chat_events.ts";
import { ChatSession, readAttachment } from "./chat/session.ts";
import { askAboutFolder, askOnce } from "./chat/one_shot.ts";
import { joinLines, streamReader } from "./chat/lines.ts";
import type { Keyboard } from "./chat/keyboard.ts";
import { converse } from "./chat/repl.ts";
import type { ShowOptions } from "./chat/show_answer.ts";
import type { Command } from "./command.ts";
import { type FlagValues, parseFlags } from "./flags.ts";
import { Interrupted, interruptedCode, Interrupts } from "./interrupts.ts";
import { modelFlags, requestModel } from "./model_flags.ts";
import { openModel } from "./open_model.ts";
import { imageReader } from "./read_image.ts";
import { formatFlags, responseFormat } from "./response_format.ts";
import { chatOptions, samplingFlags } from "./sampling_flags.ts";
import { upstreamFlags, withUpstreamFiles } from "./upstream_files.ts";
import { note, stderr, stdout, styled } from "./terminal.ts";

/** What is asked about the images of a folder when nothing is. */
const folderPrompt = "Describe this image in detail.";

const flags = {
  prompt: { type: "string", value: "TEXT", aliases: ["p"], summary: "Asks this and ends (default: what is piped in)" },
  image: { type: "list", value: "FILE", summary: "Shows an image with the question; may be given several times" },
  "image-dir": { type: "string", value: "DIR", summary: "Asks about each image of this folder by itself" },
  "allow-urls": { type: "boolean", summary: "Lets images be fetched from https:// addresses" },
  system: { type: "string", value: "TEXT", summary: "Tells the model this before all else" },
  interactive: { type: "boolean", aliases: ["i"], summary: "Converses line by line even where stdin is no terminal" },
  json: { type: "boolean", summary: "Prints each answer as one line of JSON: text, usage, timings" },
  logprobs: { type: "number", value: "N", summary: "With --json: how likely each token was, and the N likeliest" },
  timings: { type: "switch", aliases: ["show-speed"], summary: "Says on stderr how long each part took" },
  quiet: { type: "boolean", aliases: ["q"], summary: "Says nothing about loading" },
  ...modelFlags,
  ...upstreamFlags,
  ...samplingFlags,
  ...formatFlags,
} as const;

/** Asks a model. */
export const chatCommand: Command = {
  name: "chat",
  summary: "Ask a model about images, or just talk to it",
  usage: "[MODEL]",
  flags,
  examples: [
    "chat --image photo.jpg --prompt 'What is this?'",
    "chat minimind-3v",
    "chat ./my-model --image a.png --image b.png -p 'What differs?' --temperature 0 --timings",
    "chat minimind2-small-v --json < question.txt",
    "chat minimind-3v --encoder ./my_encoder.ts",
    `chat --image receipt.jpg -p 'Read it' --json-schema '{"properties": {"total": {"type": "number"}}}'`,
    "chat --config my_model.json --image-dir photos --show_speed 1",
    "chat --load_from model --weight sft_vlm --image photo.jpg",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const { flags: given, positional: named } = parseFlags(args, flags);
  const { values, positional } = await withUpstreamFiles({ values: given, positional: named });
  const options = { ...chatOptions(values), ...likelyTokens(values), ...await responseFormat(values) };
  const request = await requestModel(values, { positional });
  const interactive = values.interactive ||
    values.prompt === undefined && values["image-dir"] === undefined && Deno.stdin.isTerminal();
  const prompt = interactive ? undefined : await findPrompt(values);
  const { "allow-urls": allowUrls, system, json, timings, quiet } = values;
  using interrupts = new Interrupts();
  try {
    const readImage = imageReader({ allowUrls });
    // Before the model: it takes longer, and a slip in a path needs none of it.
    const images: ImageSource[] = [];
    for (const path of values.image) images.push(await readAttachment(path, readImage));
    // Decoders compile while the model loads. Their errors come up again with the question.
    for (const image of images) prepareImage(image).catch(() => {});
    const conversations = Math.max(2, options.beams ?? 1);
    const load = (signal: AbortSignal) => {
      return openModel(request, { flags: values, allowUrls, conversations, quiet, signal });
    };
    const { model, ...loaded } = await interrupts.during(load);
    await using _ = model;
    const session = new ChatSession(model, { system, options, images, readImage });
    const show: ShowOptions = { model: model.parts.name, json, timings, start: { startMs, ...loaded } };
    if (prompt === undefined) {
      using keyboard = await openKeyboard(interrupts);
      const readLine = joinLines(keyboard?.readLine ?? streamReader(Deno.stdin.readable));
      await converse(session, { readLine, interrupts, show });
      return 0;
    }
    return await interrupts.during(async (signal) => {
      const folder = values["image-dir"];
      if (folder !== undefined) return await askAboutFolder(session, { prompt, folder, signal }, show) > 0 ? 1 : 0;
      await askOnce(session, { prompt, signal }, show);
      return 0;
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    note(styled(error.message, "dim", stderr));
    return interruptedCode;
  }
}

/** What `--logprobs` asks of each answer. @throws {TypeError} if nobody would see it */
function likelyTokens({ logprobs, json }: FlagValues<typeof flags>): ChatOptions {
  if (logprobs === undefined) return {};
  if (!json) throw new TypeError("Cannot show --logprobs: they are printed with --json");
  if (!Number.isInteger(logprobs) || logprobs < 0 || logprobs > 20) {
    throw new TypeError(`Cannot read flag "--logprobs": ${logprobs} is no whole number from 0 to 20`);
  }
  return { logprobs: true, topLogprobs: logprobs };
}

/** The keyboard, if somebody sits at one and sees what they type. */
async function openKeyboard(interrupts: Interrupts): Promise<Keyboard | undefined> {
  if (!Deno.stdin.isTerminal() || !stdout.isTerminal && !stderr.isTerminal) return undefined;
  const { Keyboard } = await import("./chat/keyboard.ts");
  return new Keyboard(interrupts);
}

/**
 * The question: the flag's, what is piped in, or for a folder of images the usual one.
 *
 * @throws {TypeError} if there is none, or flags contradict each other
 */
async function findPrompt({ prompt, image, "image-dir": folder }: FlagValues<typeof flags>): Promise<string> {
  if (folder !== undefined && image.length > 0) {
    throw new TypeError("Cannot use both --image and --image-dir: the one is about all images, the other about each");
  }
  if (prompt !== undefined) return prompt;
  if (folder !== undefined) return folderPrompt;
  const piped = (await new Response(Deno.stdin.readable).text()).trim();
  if (piped !== "") return piped;
  throw new TypeError("Cannot chat: there is no question; give --prompt, pipe one in, or use a terminal");
}
