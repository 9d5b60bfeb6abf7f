/**
 * Help texts.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { type Flag, spellings } from "./flags.ts";

/** How the program is called in help texts. */
export const program = "minimind";

/** Help of the whole program: its commands. */
export function programHelp(commands: readonly Command[]): string {
  return [
    `Usage: ${program} COMMAND [ARGUMENTS]`,
    "",
    "Commands:",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Flags:",
    ...columns([["--help", "Show help, of a command when one is named"], ["--version", "Show the version"]]),
    "",
    "Examples:",
    ...commands.flatMap(({ examples }) => examples.slice(0, 1)).map((example) => `  ${program} ${example}`),
    `  ${program} ${commands[0]?.name ?? "COMMAND"} --help`,
  ].join("\n");
}

/** Help of one command. */
export function commandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([name, flag]) => flagHelp(name, flag));
  return [
    `${command.summary}.`,
    "",
    `Usage: ${[program, command.name, command.usage, "[FLAGS]"].filter(Boolean).join(" ")}`,
    "",
    "Flags:",
    ...columns([...flags, ["--help", "Show this help"]]),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${program} ${example}`),
  ].join("\n");
}

/** `-n, --max-new-tokens N`, and behind the summary the flag's other long spellings. */
function flagHelp(name: string, flag: Flag): [string, string] {
  const { type, value = type.toUpperCase(), summary } = flag;
  const short = spellings(name, flag).filter((word) => !word.startsWith("--")).map((word) => `${word}, `);
  const others = spellings(name, flag).slice(0, -1).filter((word) => word.startsWith("--"));
  const takesValue = type !== "boolean" && type !== "switch";
  return [
    `${short.join("")}--${name}${takesValue ? ` ${value}` : ""}`,
    others.length > 0 ? `${summary} (also ${others.join(", ")})` : summary,
  ];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
