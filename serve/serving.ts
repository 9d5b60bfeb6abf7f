/**
 * What every route works with.
 *
 * @module
 */
import type { Engine } from "./answer/engine.ts";
import { type StreamOptions, streamResponse } from "./answer/stream.ts";
import { toApiError } from "./api_error.ts";
import type { Metrics } from "./metrics.ts";
import type { ServeOptions } from "./options.ts";
import type { Body } from "./request/body.ts";
import { type ByteBudget, readJson } from "./request/read_json.ts";

/** A server's parts. */
export interface Serving {
  /** Models and answers. */
  readonly engine: Engine;
  /** Counters. */
  readonly metrics: Metrics;
  /** What the server was told. */
  readonly options: ServeOptions;
  /** Bytes of bodies that are being read. */
  readonly reading: ByteBudget;
}

/** Whoever waits for an answer. */
export interface Client {
  /** Aborted when they go away. */
  readonly signal: AbortSignal;
  /** Says that they have gone. */
  readonly leave: () => void;
}

/** The client of a request. Some runtimes abort the request's signal, others only cancel the response's body. */
export function clientOf(request: Request): Client {
  const controller = new AbortController();
  const leave = () => controller.abort(new DOMException("The client has gone", "AbortError"));
  request.signal.addEventListener("abort", leave, { once: true });
  if (request.signal.aborted) leave();
  return { signal: controller.signal, leave };
}

/** The fields of a request. */
export async function bodyOf(request: Request, { engine, options, reading }: Serving): Promise<Body> {
  engine.checkReady();
  const { maxBodyBytes = 32 * 2 ** 20, bodyTimeoutMs = 60_000 } = options;
  return await readJson(request, { maxBytes: maxBodyBytes, timeoutMs: bodyTimeoutMs, reading });
}

/** Who gets a stream, and what ends it if it cannot go on. */
export interface EventStreamOptions extends Partial<Pick<StreamOptions, "failure">> {
  /** Who reads it. */
  readonly client: Client;
  /** What the server was told. */
  readonly options: ServeOptions;
}

/** Server-sent events; by default an event that holds an error ends them if there is one. */
export function sendEvents(
  pieces: AsyncGenerator<string>,
  { client, options: { pingMs = 15_000 }, failure = (error) => sseData(toApiError(error).body) }: EventStreamOptions,
): Promise<Response> {
  return streamResponse(pieces, {
    type: "text/event-stream; charset=utf-8",
    onCancel: client.leave,
    failure,
    ping: ": ping\n\n",
    pingMs,
  });
}

/** One server-sent event. */
export function sseData(value: unknown): string {
  return `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
}

/** An id that begins so, and that no other answer has. */
export function newId(prefix: string): string {
  // A page that is not called over HTTPS has no crypto.randomUUID().
  return `${prefix}${crypto.getRandomValues(new Uint8Array(16)).reduce((id, byte) => id + hex(byte), "")}`;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Now, in seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
