/**
 * A conversation at the keyboard, or with another program line by line.
 *
 * @module
 */
import { Interrupted, type Interrupts } from "../interrupts.ts";
import { errorLine, note, stderr, styled } from "../terminal.ts";
import type { ReadLine } from "./lines.ts";
import { type ReplContext, runReplCommand } from "./repl_commands.ts";
import type { Answer, AskOptions, ChatSession } from "./session.ts";
import { showAnswer, type ShowOptions } from "./show_answer.ts";

/** What a conversation runs on. */
export interface ReplOptions {
  /** Gives what is typed. */
  readonly readLine: ReadLine;
  /** Ctrl-C. */
  readonly interrupts: Interrupts;
  /** How answers are shown. */
  readonly show: ShowOptions;
}

/**
 * Converses until there are no more lines, or `/exit`. An error is said and ends nothing, nor does a first Ctrl-C.
 *
 * @throws {Interrupted} at the second Ctrl-C in a row
 */
export async function converse(session: ChatSession, { readLine, interrupts, show }: ReplOptions): Promise<void> {
  let first = true, stopped = false;
  const answer = (ask: (options: AskOptions) => Promise<Answer>) =>
    interrupts.during(async (signal) => {
      const shown = await showAnswer((options) => ask({ ...options, signal }), show, { first });
      first = false;
      stopped = shown.finish === undefined;
      if (stopped) say("stopped");
      return shown;
    });
  const context: Omit<ReplContext, "signal"> = {
    session,
    model: show.model,
    say,
    regenerate: () => answer((options) => session.regenerate(options)),
  };
  if (stderr.isTerminal) say(`${show.model} listens; /image PATH shows it an image, /help lists more`);
  while (true) {
    try {
      const line = await readLine(">");
      if (line === undefined) return;
      stopped = false;
      if (line.startsWith("/")) {
        if (await interrupts.during((signal) => runReplCommand(line, { ...context, signal }))) return;
      } else if (line.trim() !== "") await answer((options) => session.ask(line, options));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      if (error instanceof Interrupted) {
        if (stopped) throw error;
        stopped = true;
        say("stopped; Ctrl-C again ends the chat, and so do Ctrl-D and /exit");
      } else {
        note(styled(errorLine(error), "red", stderr));
        if (/^Cannot answer: the prompt takes /.test(errorLine(error))) say("/clear forgets what was said so far");
      }
    }
  }
}

function say(text: string): void {
  note(styled(text, "dim", stderr));
}
