/**
 * The command line: finds the command, runs it, turns an error into one line.
 *
 * @module
 */
import { version } from "../core/version.ts";
import type { Command } from "./command.ts";
import { commands, otherNames } from "./commands.ts";
import { commandHelp, program, programHelp } from "./help.ts";
import { nearest } from "./nearest.ts";
import { errorLine } from "./terminal.ts";

/**
 * Runs the command line on the arguments after the program's name and resolves to the exit code: 0 when all went
 * well, 1 on any error. An error is one line on stderr; with `MINIMIND_DEBUG=1` the stack trace follows it.
 */
export async function run(args: readonly string[]): Promise<number> {
  const report = (error: unknown) => {
    const line = errorLine(error);
    console.error(`${program}: ${/^Cannot /.test(line) ? line : `Cannot ${args[0] ?? "run"}: ${line}`}`);
    if (debugging()) console.error(error);
  };
  const unheard = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    report("reason" in event ? event.reason : event.error);
    Deno.exit(1);
  };
  // What a plugin throws where nobody can catch it.
  globalThis.addEventListener("error", unheard);
  globalThis.addEventListener("unhandledrejection", unheard);
  try {
    return await dispatch(args);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return 0; // whoever reads has read enough
    report(error);
    return 1;
  } finally {
    globalThis.removeEventListener("error", unheard);
    globalThis.removeEventListener("unhandledrejection", unheard);
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const topic = name === "help" ? rest[0] : undefined;
    console.log(topic === undefined ? programHelp(await all()) : commandHelp(await find(topic)));
    return name === undefined ? 1 : 0;
  }
  if (name === "--version" || name === "-V") {
    console.log(`${program} ${version}`);
    return 0;
  }
  const command = await find(name);
  const end = rest.indexOf("--");
  const flags = end < 0 ? rest : rest.slice(0, end);
  if (flags.includes("--help") || flags.includes("-h")) {
    console.log(commandHelp(command));
    return 0;
  }
  return await command.run(rest);
}

/** @throws {TypeError} naming the nearest command, or all of them */
function find(name: string): Promise<Command> {
  if (Object.hasOwn(commands, name)) return commands[name]!();
  if (Object.hasOwn(otherNames, name)) return commands[otherNames[name]!]!();
  const names = [...Object.keys(commands), ...Object.keys(otherNames)];
  const meant = nearest(name, names);
  const hint = meant ? `did you mean ${meant}? ` : "";
  throw new TypeError(`Cannot run "${name}": ${hint}there are ${names.join(", ")}`);
}

function all(): Promise<Command[]> {
  return Promise.all(Object.values(commands).map((load) => load()));
}

/** Whether to show stack traces; without the permission to read the variable, not, and without asking for it. */
function debugging(): boolean {
  const variable = "MINIMIND_DEBUG";
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted" && Deno.env.get(variable) === "1";
}

// No top-level await: a plugin that imports the package while this module still loads would wait for it forever.
if (import.meta.main) run(Deno.args).then(Deno.exit);
