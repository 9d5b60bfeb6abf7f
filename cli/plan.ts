/**
 * `minimind plan`: what a model takes on this machine, before anything of it is downloaded or loaded.
 *
 * @module
 */
import type { Backend } from "../core/backend.ts";
import { dumpPlan } from "../core/graph/mod.ts";
import { formatBytes } from "../data/hub/bytes.ts";
import { type Architecture, buildArchitecture } from "./architecture.ts";
import type { Command } from "./command.ts";
import { createCliBackend } from "./create_backend.ts";
import { parseFlags } from "./flags.ts";
import { duration, formatBackend, grouped, scaled, table } from "./format.ts";
import { modelFlags, requestModel } from "./model_flags.ts";
import { estimateSeconds } from "./plan/estimate.ts";
import { hasPlannedEncoder, type ModelPlan, planModel, type ProgramName, programNames } from "./plan/model_plan.ts";
import { type MachineSpeed, probeMachine } from "./plan/probe.ts";
import { stdout } from "./terminal.ts";

const flags = {
  "prompt-tokens": { type: "number", value: "N", summary: "Length of the prompt that figures are for (default 256)" },
  dump: { type: "string", value: "PROGRAM", summary: "Lists the kernel calls of encode, prefill or decode instead" },
  "no-speed": { type: "boolean", summary: "Does not measure the machine, which takes half a second" },
  json: { type: "boolean", summary: "Prints JSON" },
  ...modelFlags,
} as const;

/** Says what a model takes. */
export const planCommand: Command = {
  name: "plan",
  summary: "Say what a model takes: parameters, memory, work, expected speed; nothing is downloaded",
  usage: "[MODEL]",
  flags,
  examples: ["plan minimind-3v", "plan minimind2-small-v --ctx-size 4096 --json", "plan ./my-model --dump decode"],
  run,
};

/** Expected times. */
interface Expected {
  readonly encodeMs?: number | undefined;
  readonly prefillMs: number;
  readonly decodeTokensPerSecond: number;
}

async function run(args: readonly string[]): Promise<number> {
  const { flags: values, positional } = parseFlags(args, flags);
  const { dump, json } = values;
  if (dump !== undefined && !programNames.some((name) => name === dump)) {
    throw new TypeError(`Cannot dump "${dump}": there are ${programNames.join(", ")}`);
  }
  const request = await requestModel(values, { positional });
  const architecture = await buildArchitecture(request, values);
  const plan = planModel(architecture, { promptTokens: values["prompt-tokens"] ?? 256 });
  if (dump !== undefined) {
    const program = plan.programs[dump as ProgramName];
    if (program === undefined) throw new TypeError(`Cannot dump "${dump}": the model has no encoder`);
    stdout.write(`${dumpPlan(program)}\n`);
    return 0;
  }
  let speed: MachineSpeed | undefined;
  if (!values["no-speed"]) {
    await using backend: Backend = await createCliBackend(architecture.config.backend, {
      base: request.base,
      flags: values,
    });
    speed = await probeMachine(backend);
  }
  const expected = speed && expect(architecture, plan, speed);
  stdout.write(
    `${json ? toJson(architecture, plan, { speed, expected }) : toText(architecture, plan, { speed, expected })}\n`,
  );
  return 0;
}

function expect(architecture: Architecture, { programs }: ModelPlan, speed: MachineSpeed): Expected {
  const seconds = (name: ProgramName) => estimateSeconds(programs[name]!, speed);
  return {
    encodeMs: hasPlannedEncoder(architecture) ? seconds("encode") * 1000 : undefined,
    prefillMs: seconds("prefill") * 1000,
    decodeTokensPerSecond: 1 / seconds("decode"),
  };
}

interface Measured {
  readonly speed: MachineSpeed | undefined;
  readonly expected: Expected | undefined;
}

function toJson({ name, files }: Architecture, plan: ModelPlan, { speed, expected }: Measured): string {
  const { parts, context, cacheBytes, promptTokens, programs, arenaBytes } = plan;
  const total = { parameters: sum(parts, "parameters"), bytes: sum(parts, "bytes") };
  const listed = Object.entries(programs).map(([program, { calls, flops, bytes }]) => {
    return [program, { calls: calls.length, flops, bytes, arenaBytes: arenaBytes[program as ProgramName] }];
  });
  const downloads = files.map(({ name, size }) => ({ name, bytes: size }));
  const report = { model: name, parts, total, context, cacheBytes, promptTokens };
  return JSON.stringify({ ...report, programs: Object.fromEntries(listed), downloads, speed, expected }, undefined, 2);
}

function toText({ name, files }: Architecture, plan: ModelPlan, { speed, expected }: Measured): string {
  const { parts, context, cacheBytes, promptTokens, programs, arenaBytes } = plan;
  const sizes = [...parts, { part: "total", parameters: sum(parts, "parameters"), bytes: sum(parts, "bytes") }];
  const work = Object.entries(programs).map(([program, { flops, calls }]) => [
    program === "prefill" ? `prefill ${promptTokens}` : program === "decode" ? `decode at ${promptTokens}` : program,
    `${scaled(flops)}FLOP`,
    formatBytes(arenaBytes[program as ProgramName]!),
    String(calls.length),
  ]);
  const weights = sum(parts, "bytes"), arenas = Object.values(arenaBytes).reduce((a, b) => a + b, 0);
  const known = files.filter(({ size }) => size !== undefined);
  return [
    `${name}, one conversation of ${grouped(context)} tokens`,
    "",
    table([
      ["PART", "PARAMETERS", "WEIGHTS"],
      ...sizes.map(({ part, parameters, bytes }) => {
        return [part, grouped(parameters), formatBytes(bytes)];
      }),
    ], { right: [1, 2] }),
    "",
    table([["PROGRAM", "WORK", "TEMPORARIES", "CALLS"], ...work], { right: [1, 2, 3] }),
    "",
    `KV cache  ${formatBytes(cacheBytes)}, ${formatBytes(cacheBytes / context)} a token`,
    `memory    ${formatBytes(weights + arenas + cacheBytes)} in all`,
    ...known.length === 0 ? [] : [
      `download  ${
        formatBytes(known.reduce((total, { size }) => total + size!, 0))
      } in ${known.length} of the files, ` +
      "unless they are in the cache; the sizes of others are not known beforehand",
    ],
    ...speed === undefined || expected === undefined ? [] : ["", expectation(plan, speed, expected)],
  ].join("\n");
}

function expectation({ promptTokens }: ModelPlan, speed: MachineSpeed, expected: Expected): string {
  const { matrixFlops, weightBytes } = speed;
  const { encodeMs, prefillMs, decodeTokensPerSecond } = expected;
  return [
    `expected  on ${formatBackend(speed)}, measured just now at ` +
    `${scaled(matrixFlops)}FLOP/s and ${scaled(weightBytes)}B/s of weights:`,
    ...encodeMs === undefined ? [] : [`          an image in ${duration(encodeMs)}`],
    `          a prompt of ${promptTokens} tokens in ${duration(prefillMs)}`,
    `          then ${decodeTokensPerSecond.toFixed(decodeTokensPerSecond < 10 ? 1 : 0)} tokens a second`,
  ].join("\n");
}

function sum(parts: ModelPlan["parts"], key: "parameters" | "bytes"): number {
  return parts.reduce((total, part) => total + part[key], 0);
}
