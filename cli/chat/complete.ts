/**
 * What the Tab key completes: commands, settings, paths.
 *
 * @module
 */
import { commandNames } from "./repl_commands.ts";
import { settingNames } from "./settings.ts";

/** All that could stand for the last word of a line, and that word. */
export function completeLine(line: string): [candidates: string[], part: string] {
  const [, command, rest] = /^\/(\S*)(?: +(.*))?$/s.exec(line) ?? [];
  if (command === undefined) return [[], line];
  if (rest === undefined) return starting(`/${command}`, commandNames.map((name) => `/${name}`));
  if (command === "set") return starting(rest, settingNames);
  return command === "image" || command === "save" ? starting(rest, pathsLike(rest)) : [[], rest];
}

function starting(part: string, all: readonly string[]): [string[], string] {
  return [all.filter((one) => one.startsWith(part)), part];
}

/** Files and folders beside what a path names so far, as far as they may be read; folders end in a slash. */
function pathsLike(part: string): string[] {
  const folder = part.slice(0, part.lastIndexOf("/") + 1);
  const path = folder.replaceAll("\\ ", " ") || ".";
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return [];
  try {
    return [...Deno.readDirSync(path)].map(({ name, isDirectory }) => {
      return `${folder}${name.replaceAll(" ", "\\ ")}${isDirectory ? "/" : ""}`;
    }).sort();
  } catch {
    return []; // no such folder: nothing to offer
  }
}
