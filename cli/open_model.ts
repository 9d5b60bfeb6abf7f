/**
 * Loads the model that a command was asked for, and says on stderr what it does.
 *
 * @module
 */
import { formatLoad } from "../data/load_summary.ts";
import type { ChatModel } from "../sdk/chat_model.ts";
import { loadModel } from "../sdk/load_model.ts";
import { DownloadBar } from "./download_bar.ts";
import { openHub } from "./hub_flags.ts";
import type { ModelFlagValues, ModelRequest } from "./model_flags.ts";
import { imageReader } from "./read_image.ts";
import { note } from "./terminal.ts";

/** Options of {@link openModel}. */
export interface OpenModelOptions {
  /** Flags of the command line. */
  readonly flags: ModelFlagValues;
  /** Whether images may be fetched from https addresses. Default false. */
  readonly allowUrls?: boolean | undefined;
  /** Answers at once, each beam of a search counted. Default 2. */
  readonly conversations?: number | undefined;
  /** Whether to say nothing on stderr. Default false. */
  readonly quiet?: boolean | undefined;
  /** Ends loading. */
  readonly signal?: AbortSignal | undefined;
}

/** A model, and how long it took to load. */
export interface OpenedModel {
  /** The model, to be disposed of. */
  readonly model: ChatModel;
  /** Milliseconds of all of it. */
  readonly loadMs: number;
  /** Milliseconds of it until everything was read and checked but the weights were not yet on the backend. */
  readonly readMs: number;
}

/** What is said of the model that stands in where none is named. */
export const standInNotice: string =
  "no model was named, so the embedded demo answers: it describes everyday photos (--image FILE, or /image FILE), in " +
  "English and Chinese, with 4.6 million parameters; name a released model (minimind-3v), a folder or a checkpoint for more";

/** Loads a model, with a bar for downloads and a line that says what was found. */
export async function openModel(request: ModelRequest, options: OpenModelOptions): Promise<OpenedModel> {
  const { flags, signal } = options;
  const start = performance.now();
  let read = start;
  using bar = new DownloadBar();
  const say = (line: string) => {
    if (options.quiet) return;
    bar[Symbol.dispose]();
    note(line);
  };
  if (request.standIn) say(standInNotice);
  const model = await loadModel(request.config, {
    base: request.base,
    hub: () => openHub(flags),
    signal,
    readImage: imageReader({ allowUrls: options.allowUrls }),
    allowMissing: flags["allow-missing"],
    conversations: options.conversations,
    onProgress: options.quiet ? undefined : (progress) => bar.update(progress),
    onNotice: say,
    onLoaded: (loaded) => {
      read = performance.now();
      say(formatLoad(loaded));
    },
  });
  return { model, loadMs: performance.now() - start, readMs: read - start };
}
