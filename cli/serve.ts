/**
 * `minimind serve`: a model behind OpenAI's API.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import type { Server } from "../core/server.ts";
import { demoName } from "../models/demo/mod.ts";
import { createRegistry } from "../plugins/mod.ts";
import { openImageFolder } from "../sdk/disk.ts";
import { resolveName } from "../sdk/files.ts";
import { randomModelName } from "../sdk/model_source.ts";
import type { Command } from "./command.ts";
import { count, type FlagValues, parseFlags } from "./flags.ts";
import { Interrupted, Interrupts } from "./interrupts.ts";
import { folderUrl, modelFlags, type ModelRequest, requestModel } from "./model_flags.ts";
import { openModel } from "./open_model.ts";
import { watchModel } from "./serve/watch.ts";
import { errorLine, note } from "./terminal.ts";
import { upstreamFlags, withUpstreamFiles } from "./upstream_files.ts";

const number = { type: "number", value: "N" } as const;

const flags = {
  host: { type: "string", value: "ADDRESS", summary: "Listens here (default 127.0.0.1, which is this machine alone)" },
  port: { type: "number", value: "PORT", summary: "Listens on this port (default 8080; 0 takes a free one)" },
  "api-key": { type: "list", value: "KEY", summary: "Asks for one of these keys; may be given several times" },
  "api-key-file": { type: "string", value: "FILE", summary: "Takes keys from this file too, one a line" },
  alias: { type: "string", value: "NAME", aliases: ["a"], summary: "Calls the model this (default its own name)" },
  parallel: { ...number, aliases: ["np", "n-parallel"], summary: "Answers at once, which share each step (default 4)" },
  queue: { ...number, summary: "Requests that may wait; more get 429 (default 64)" },
  timeout: { ...number, value: "SECONDS", summary: "Longest time of an answer, waiting included (default 600)" },
  "cors-origin": { type: "list", value: "ORIGIN", summary: "Lets pages of this origin call, * of any (default none)" },
  "allowed-host": {
    type: "list",
    value: "NAME",
    summary: "Also answers to this name on loopback without a key, as a proxy may pass on (default localhost alone)",
  },
  "media-path": { type: "string", value: "DIR", summary: "Lets requests name images in this folder, as file://NAME" },
  "media-host": {
    type: "list",
    value: "HOST",
    aliases: ["allowed-media-domains"],
    summary: "Lets requests name images of this host, *.HOST of those below; never of private addresses (default none)",
  },
  "max-images": { ...number, summary: "Most images of a request (default 8)" },
  "share-model": {
    type: "boolean",
    summary:
      "Gives the model's files to whoever may call, so that the page can run it in the browser (the demo's always)",
  },
  watch: { type: "boolean", summary: "Loads the model anew when its files change, while the old one ends its answers" },
  quiet: { type: "boolean", aliases: ["q"], summary: "Says nothing but errors" },
  ...modelFlags,
  ...upstreamFlags,
} as const;

/** Serves a model. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Serve a model with the API of OpenAI",
  usage: "[MODEL]",
  flags,
  examples: [
    "serve minimind-3v",
    "serve ./my-model --port 8000 --api-key secret --parallel 8",
    "serve minimind-3v --host 0.0.0.0 --api-key-file keys.txt --cors-origin https://example.com",
    "serve out/sft --watch --media-path photos",
    "serve minimind-3v --media-host upload.wikimedia.org --media-host '*.example.com'",
  ],
  run,
};

async function run(args: readonly string[]): Promise<number> {
  const { flags: given, positional: named } = parseFlags(args, flags);
  const { values, positional } = await withUpstreamFiles({ values: given, positional: named });
  const request = await requestModel(values, { positional });
  const parallel = count(values, "parallel") ?? 4;
  const apiKeys = await readKeys(values);
  const server = await createServer(values, { config: request.config, apiKeys });
  const watched = values.watch ? placeOf(request) : undefined;
  using interrupts = new Interrupts();
  const terminate = () => interrupts.interrupt();
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", terminate);
  try {
    await interrupts.during(async (signal) => {
      await using listener = listen(server, values);
      try {
        await serveModel(server, {
          request,
          values,
          parallel,
          watched,
          signal,
          url: listener.url,
          keys: apiKeys.length,
        });
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        say(values, "ending the answers under way; Ctrl-C again ends at once");
      }
      await server[Symbol.asyncDispose]();
    });
  } finally {
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGTERM", terminate);
  }
  return 0;
}

type ServeValues = FlagValues<typeof flags>;

function say({ quiet }: ServeValues, line: string): void {
  if (!quiet) note(line);
}

/** What {@link createServer} needs beside the flags. */
interface ServerRequest extends Pick<ModelRequest, "config"> {
  readonly apiKeys: readonly string[];
}

/** The server as flags want it; it serves nothing yet. */
async function createServer(values: ServeValues, { config, apiKeys }: ServerRequest): Promise<Server> {
  const { timeout = 600, queue, "media-path": mediaPath } = values;
  if (!(timeout > 0)) throw new TypeError(`Cannot read flag "--timeout": ${timeout} is not a number above 0`);
  if (queue !== undefined && !(Number.isInteger(queue) && queue >= 0)) {
    throw new TypeError(`Cannot read flag "--queue": ${queue} is not a whole number of 0 or more`);
  }
  const options = {
    apiKeys,
    corsOrigins: values["cors-origin"],
    imageHosts: values["media-host"],
    timeoutMs: Math.ceil(timeout * 1000),
    // Whoever has a key may call by any name, from behind a proxy for instance.
    hosts: apiKeys.length > 0 ? undefined : namesOf(hostOf(values), values["allowed-host"]),
    maxQueue: queue,
    maxImages: count(values, "max-images"),
    shareFiles: values["share-model"] || config.model === demoName,
  };
  const plugin = await createRegistry().resolve("server", "hono", { base: folderUrl(Deno.cwd()) });
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return await plugin.create(plugin.parseOptions(given), {
    readFile: () => Promise.reject(new Error("the server reads no files")),
    readImage: mediaPath === undefined ? undefined : openImageFolder(mediaPath),
    notice: note,
  });
}

/** The keys of all flags. */
async function readKeys({ "api-key": given, "api-key-file": file }: ServeValues): Promise<readonly string[]> {
  if (file === undefined) return given;
  const keys = (await Deno.readTextFile(file)).split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
  if (keys.length === 0) throw new ConfigError(`Cannot read "${file}": there is no key in it`);
  return [...given, ...keys];
}

function hostOf({ host = "127.0.0.1" }: ServeValues): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

function isLoopback(host: string): boolean {
  return /^(127\.|::1$|localhost$)/.test(host);
}

/** The names by which a server on loopback may be called; any name where it is open to others. */
function namesOf(host: string, more: readonly string[]): string[] | undefined {
  return isLoopback(host) ? [...new Set(["localhost", "127.0.0.1", "[::1]", host, ...more])] : undefined;
}

/** Where the server listens, until it is disposed of. */
interface Listener extends AsyncDisposable {
  readonly url: string;
}

/** @throws {ConfigError} if the address cannot be had */
function listen(server: Server, values: ServeValues): Listener {
  const [hostname, port] = [hostOf(values), values.port ?? 8080];
  try {
    const listener = Deno.serve({ hostname, port, onListen: () => {} }, (request) => server.fetch(request));
    const { addr } = listener;
    const shown = addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname;
    return { url: `http://${shown}:${addr.port}`, [Symbol.asyncDispose]: () => listener.shutdown() };
  } catch (cause) {
    const taken = cause instanceof Deno.errors.AddrInUse;
    const problem = taken ? "the port is taken; --port chooses another" : errorLine(cause);
    throw new ConfigError(`Cannot listen on ${hostname}:${port}: ${problem}`, { cause });
  }
}

/** What {@link serveModel} needs. */
interface ServeContext {
  readonly request: ModelRequest;
  readonly values: ServeValues;
  readonly parallel: number;
  readonly watched: URL | undefined;
  readonly signal: AbortSignal;
  readonly url: string;
  /** How many keys there are. */
  readonly keys: number;
}

function keysLine(values: ServeValues, keys: number): string {
  if (keys > 0) return keys === 1 ? "1, asked for" : `${keys}, one of which is asked for`;
  return isLoopback(hostOf(values)) ? "none asked for" : "none asked for: whoever reaches this address may ask";
}

/**
 * Loads the model and serves it, and another one in its place when its files change or its device is lost, until the
 * signal is aborted; then throws its reason.
 */
async function serveModel(server: Server, context: ServeContext): Promise<void> {
  const { request, values, parallel: conversations, watched, signal, url, keys } = context;
  const load = async () => {
    return (await openModel(request, { flags: values, conversations, quiet: values.quiet, signal })).model;
  };
  // Watching begins before loading: what changes meanwhile is loaded too.
  const changes = watched === undefined ? undefined : await watchModel(watched, { signal });
  const model = await load();
  const name = values.alias ?? model.parts.name;
  await server.put(model, name);
  say(values, `serving ${name}, ${model.conversations} answers at once`);
  say(values, `page ${url}/`);
  say(values, `API ${url}/v1`);
  say(values, `keys ${keysLine(values, keys)}`);
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  let change = changes?.next();
  let { lost } = model.parts.backend;
  for (;;) {
    const event = await Promise.race([change, lost, aborted].filter((event) => event !== undefined));
    const loss = typeof event === "string" ? event : undefined;
    if (loss === undefined) change = changes?.next();
    else {
      lost = undefined;
      note(`${loss}: loading the model again`);
    }
    try {
      const newer = await load();
      say(values, `serving ${name} ${loss === undefined ? "as it is now" : "again"}`);
      lost = newer.parts.backend.lost;
      // The old one is ended once its answers have ended, which new answers do not wait for.
      server.put(newer, name).then((old) => old === undefined ? undefined : disposeOf(old));
    } catch (error) {
      signal.throwIfAborted();
      note(`the model cannot be loaded anew, the old one stays: ${errorLine(error)}`);
    }
  }
}

async function disposeOf(model: object): Promise<void> {
  if (Symbol.asyncDispose in model) await (model as AsyncDisposable)[Symbol.asyncDispose]();
}

/**
 * What to watch of a model.
 *
 * @throws {TypeError} if it is not on the disk
 */
function placeOf({ config: { model = "" }, base }: ModelRequest): URL {
  const url = model === randomModelName || model === demoName ? undefined : resolveName(model, base);
  if (url?.protocol === "file:" && model !== "" && /^file:|[\\/.]/.test(model)) return url;
  throw new TypeError(`Cannot watch "${model}": it is not a folder or checkpoint on the disk`);
}
