/**
 * What may be typed instead of a message.
 *
 * @module
 */
import type { ChatPart } from "../../core/chat_events.ts";
import { nearest } from "../nearest.ts";
import type { Answer, ChatSession } from "./session.ts";
import { changeSetting, listSettings } from "./settings.ts";

/** What commands work on. */
export interface ReplContext {
  /** The conversation. */
  readonly session: ChatSession;
  /** Name of the model. */
  readonly model: string;
  /** Says something that is no answer. */
  say(text: string): void;
  /** Ends what takes long. */
  readonly signal: AbortSignal;
  /** Answers the last question anew, and shows it. */
  regenerate(): Promise<Answer | undefined>;
}

/** What `/word rest` does; true ends the program. */
interface ReplCommand {
  readonly usage: string;
  readonly summary: string;
  run(context: ReplContext, rest: string): Promise<boolean | void> | boolean | void;
}

const commands: Readonly<Record<string, ReplCommand>> = {
  image: {
    usage: "/image PATH",
    summary: "Shows an image with the next message; again for more images",
    async run({ session, say, signal }, rest) {
      if (rest === "") throw new TypeError(`Cannot show an image: name its file, /image PATH`);
      await session.attach(plainPath(rest), signal);
      say(`image ${session.images.length} for the next message: ${plainPath(rest)}`);
    },
  },
  clear: {
    usage: "/clear",
    summary: "Forgets the conversation",
    run({ session, say }) {
      session.clear();
      say("cleared");
    },
  },
  regen: {
    usage: "/regen",
    summary: "Answers the last message anew",
    async run(context) {
      await context.regenerate();
    },
  },
  set: {
    usage: "/set KEY VALUE",
    summary: "Changes a setting, for instance temperature 0.7; alone shows all of them",
    run({ session, say }, rest) {
      const [, key = "", value = ""] = /^(\S*)\s*(.*)$/s.exec(rest) ?? [];
      if (key !== "") changeSetting(session, key, value);
      say(listSettings(session));
    },
  },
  save: {
    usage: "/save FILE",
    summary: "Writes the conversation to a new JSON file",
    async run({ session, model, say }, rest) {
      if (rest === "") throw new TypeError(`Cannot save: name a file, /save FILE`);
      await save(plainPath(rest), conversationOf(session, model));
      say(`saved ${session.messages.length} messages to ${plainPath(rest)}`);
    },
  },
  help: {
    usage: "/help",
    summary: "Lists the commands",
    run: ({ say }) => say(replHelp()),
  },
  exit: { usage: "/exit", summary: "Ends the program, as Ctrl-D does", run: () => true },
};

/** What they are called, without the slash. */
export const commandNames: readonly string[] = Object.keys(commands);

/** Other names of commands. */
const aliases: Readonly<Record<string, string>> = { quit: "exit", bye: "exit", "?": "help", regenerate: "regen" };

/**
 * Runs a line that starts with a slash; resolves to whether the program shall end.
 *
 * @throws {TypeError} if there is no such command, or it cannot be done
 */
export async function runReplCommand(line: string, context: ReplContext): Promise<boolean> {
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*?)\s*$/s.exec(line) ?? [];
  const name = aliases[word] ?? word;
  if (Object.hasOwn(commands, name)) return await commands[name]!.run(context, rest) === true;
  if (word.includes("/")) throw new TypeError(`Cannot run "/${word}": a file is shown by /image ${line}`);
  const meant = nearest(word, commandNames);
  const all = commandNames.map((name) => `/${name}`).join(", ");
  throw new TypeError(`Cannot run "/${word}": ${meant ? `did you mean /${meant}? ` : ""}there are ${all}`);
}

/** The commands, one a line. */
export function replHelp(): string {
  const rows = Object.values(commands).map(({ usage, summary }) => `${usage.padEnd(16)}  ${summary}`);
  return [...rows, "Ctrl-C ends an answer, twice the program. A line that ends in \\ goes on in the next one."].join(
    "\n",
  );
}

/** A path as terminals drop it: in quotes, or with its blanks escaped. */
function plainPath(text: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  return quoted?.[2] ?? text.replaceAll("\\ ", " ");
}

async function save(path: string, value: unknown): Promise<void> {
  try {
    await Deno.writeTextFile(path, `${JSON.stringify(value, undefined, 2)}\n`, { createNew: true });
  } catch (cause) {
    const exists = cause instanceof Deno.errors.AlreadyExists;
    const reason = exists ? "the file is there already" : cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot save "${path}": ${reason}`, { cause });
  }
}

/** A conversation as JSON: images by their names, settings as they are now. */
function conversationOf({ messages, system, options }: ChatSession, model: string): unknown {
  const name = ({ type, ...part }: ChatPart) => {
    if (!("image" in part)) return { type, ...part };
    return { type, image: part.image instanceof File ? part.image.name : String(part.image) };
  };
  const said = messages.map(({ role, content }) => ({
    role,
    content: typeof content === "string" ? content : content.map(name),
  }));
  return {
    model,
    settings: options,
    messages: system === undefined ? said : [{ role: "system", content: system }, ...said],
  };
}
