/**
 * A conversation at the keyboard, or with another program line by line.
 *
 * @module
 */
import type { Interrupts } from "../interrupts.ts";
import { note, stderr, styled } from "../terminal.ts";
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

/** Converses until there are no more lines, or `/exit`. An error is said and ends nothing. */
export async function converse(session: ChatSession, { readLine, interrupts, show }: ReplOptions): Promise<void> {
  let first = true;
  const answer = (ask: (options: AskOptions) => Promise<Answer>) =>
    interrupts.during(async (signal) => {
      const shown = await showAnswer((options) => ask({ ...options, signal }), show, { first });
      first = false;
      if (shown.finish === undefined) say("stopped");
      return shown;
    });
  const context: ReplContext = {
    session,
    model: show.model,
    say,
    regenerate: () => answer((options) => session.regenerate(options)),
  };
  if (stderr.isTerminal) say(`${show.model} listens; /image PATH shows it an image, /help lists more`);
  for (let line = await readLine(">"); line !== undefined; line = await readLine(">")) {
    try {
      if (line.startsWith("/")) {
        if (await runReplCommand(line, context)) return;
      } else if (line.trim() !== "") {
        await answer((options) => session.ask(line!, options));
      }
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      note(styled(error instanceof Error ? error.message : String(error), "red", stderr));
    }
  }
}

function say(text: string): void {
  note(styled(text, "dim", stderr));
}
