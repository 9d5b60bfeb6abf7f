/**
 * Questions that the command line asks: one, or the same one about each image of a folder.
 *
 * @module
 */
import { findImages } from "../find_images.ts";
import { Interrupted } from "../interrupts.ts";
import { errorLine, note, stderr, stdout, styled } from "../terminal.ts";
import type { ChatSession } from "./session.ts";
import { showAnswer, type ShowOptions } from "./show_answer.ts";

/** What is asked. */
export interface Question {
  /** The text. */
  readonly prompt: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What is asked about each image of a folder. */
export interface FolderQuestion extends Question {
  /** The folder's path. */
  readonly folder: string;
}

/** Asks one question. @throws what the session throws, and {@link Interrupted} when the answer was not finished */
export async function askOnce(
  session: ChatSession,
  { prompt, signal }: Question,
  show: ShowOptions,
): Promise<void> {
  const answer = await showAnswer((options) => session.ask(prompt, { ...options, signal }), show, { first: true });
  if (answer.finish === undefined) throw new Interrupted();
}

/** Asks about each image of a folder by itself; resolves to the number of images that could not be answered for. */
export async function askAboutFolder(
  session: ChatSession,
  { prompt, folder, signal }: FolderQuestion,
  show: ShowOptions,
): Promise<number> {
  const names = await findImages(folder);
  if (names.length === 0) throw new TypeError(`Cannot ask about "${folder}": it has no images`);
  let failed = 0;
  for (const [index, image] of names.entries()) {
    session.clear();
    if (!show.json) stdout.write(`${styled(image, "bold")}\n`);
    try {
      await session.attach(`${folder}/${image}`, signal);
      const subject = { image, first: index === 0 };
      const answer = await showAnswer((options) => session.ask(prompt, { ...options, signal }), show, subject);
      if (answer.finish === undefined) throw new Interrupted();
    } catch (error) {
      if (!(error instanceof Error) || error instanceof Interrupted || signal.aborted) throw error;
      failed++;
      note(styled(errorLine(error), "red", stderr));
    }
  }
  return failed;
}
