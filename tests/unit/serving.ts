/**
 * A server over the tiny random model, and what tests say to it.
 *
 * @module
 */
import { createServer, type HonoServer, type ServeOptions } from "../../serve/mod.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import { loadModel, type LoadOptions } from "../../sdk/load_model.ts";

/** A GIF of one red pixel, in base64. */
export const redPixel = "R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=";

/** The random model on one thread. */
export function loadTiny(options: LoadOptions = {}, context = 512): Promise<ChatModel> {
  return loadModel({ model: "random", context, backend: { use: "wasm", options: { threads: 1 } } }, options);
}

/** A value of JSON, looked into by path. */
export class Seen {
  /** The value. */
  readonly value: unknown;

  /** Takes the value. */
  constructor(value: unknown) {
    this.value = value;
  }

  /** The value at a path such as `choices.0.message`. */
  at(path: string): unknown {
    return path.split(".").reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], this.value);
  }
}

/** A response, read. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Seen;
}

/** A server with a model. */
export class TestServer implements AsyncDisposable {
  /** The server. */
  readonly server: HonoServer;
  /** Its model. */
  readonly model: ChatModel;

  private constructor(server: HonoServer, model: ChatModel) {
    this.server = server;
    this.model = model;
  }

  /** Starts one. */
  static async start(options: ServeOptions = {}, load: LoadOptions = {}): Promise<TestServer> {
    const model = await loadTiny(load);
    const server = createServer({ graceMs: 2000, ...options });
    await server.put(model);
    return new TestServer(server, model);
  }

  /** Sends a request. */
  async send(path: string, init: RequestInit = {}): Promise<Reply> {
    const response = await this.server.fetch(new Request(`http://localhost${path}`, init));
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: new Seen(isJson ? JSON.parse(text) : undefined),
    };
  }

  /** Sends JSON. */
  post(path: string, body: unknown, init: RequestInit = {}): Promise<Reply> {
    return this.send(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), ...init });
  }

  /** Asks for an answer. */
  chat(fields: Record<string, unknown> = {}): Promise<Reply> {
    return this.post("/v1/chat/completions", {
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 6,
      temperature: 0.8,
      seed: 3,
      ...fields,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.model[Symbol.asyncDispose]();
  }
}

/** What the events of a stream hold; `[DONE]` and comments as texts. */
export function eventsOf(text: string): Seen[] {
  return text.split("\n\n").filter((event) => event !== "").map((event) => {
    return new Seen(event.startsWith("data: {") ? JSON.parse(event.slice(6)) : event);
  });
}
