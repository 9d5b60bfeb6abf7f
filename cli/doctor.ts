/**
 * `minimind doctor`: what this machine offers, and whether the kernels compute right on it.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { type Check, runChecks, type Status } from "./doctor/checks.ts";
import { parseFlags } from "./flags.ts";
import { cacheFlags } from "./hub_flags.ts";
import { stdout, styled } from "./terminal.ts";

const flags = {
  threads: {
    type: "number",
    value: "N",
    aliases: ["t"],
    summary: "Threads of the self-test (default all cores, at most 8)",
  },
  ...cacheFlags,
  json: { type: "boolean", summary: "Prints JSON" },
} as const;

/** Looks at the machine. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Show what this machine offers, and test the kernels on it",
  usage: "",
  flags,
  examples: ["doctor", "doctor --json"],
  run,
};

const colours = { ok: "green", note: "dim", slow: "yellow", failed: "red" } as const satisfies Record<Status, string>;

async function run(args: readonly string[]): Promise<number> {
  const { flags: { json, ...options }, positional } = parseFlags(args, flags);
  if (positional.length > 0) throw new TypeError(`Cannot examine ${positional.join(", ")}: doctor takes no arguments`);
  const checks: Check[] = [];
  for await (const check of runChecks(options)) {
    checks.push(check);
    const { name, status, detail } = check;
    if (!json) stdout.write(`${styled(status.padEnd(6), colours[status])}  ${name.padEnd(11)}  ${detail}\n`);
  }
  if (json) stdout.write(`${JSON.stringify(checks, undefined, 2)}\n`);
  return checks.some(({ status }) => status === "failed") ? 1 : 0;
}
