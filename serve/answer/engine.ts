/**
 * The models of a server, and the answers under way.
 *
 * @module
 */
import type { ChatEvent, ModelStatistics } from "../../core/chat_events.ts";
import type { ServedModel } from "../../core/server.ts";
import { ApiError } from "../api_error.ts";
import type { Metric, Metrics } from "../metrics.ts";
import type { ServeOptions } from "../options.ts";
import { shorten } from "../shorten.ts";
import { Gate } from "./gate.ts";
import { Turns } from "./turns.ts";

/** A model under a name. */
export interface Slot {
  /** Its name for clients. */
  readonly name: string;
  /** The model. */
  readonly model: ServedModel;
  /** Since when it is served, in seconds since 1970. */
  readonly created: number;
  /** Who may answer with it now. */
  readonly gate: Gate;
}

/** An answer wanted. */
export interface AnswerOptions<Event extends ChatEvent> {
  /** The model that answers, or the one that has its name by the time that it begins. */
  readonly slot: Slot;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Begins it. */
  readonly start: (model: ServedModel, signal: AbortSignal) => AsyncIterable<Event>;
}

/** Work wanted that is no answer. */
export interface WorkOptions<Result> {
  /** The model that does it, or the one that has its name by the time that it begins. */
  readonly slot: Slot;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Does it, with a pause between its parts. */
  readonly work: (model: ServedModel, stay: Stay) => Promise<Result>;
}

/** The time that a user of a model has. */
export interface Stay {
  /** The model. */
  readonly slot: Slot;
  /** Aborted when it is over. */
  readonly signal: AbortSignal;
  /** Throws once it is over. */
  check(): void;
  /** Lets the event loop turn if it has not for a while, and checks. */
  pause(): Promise<void>;
  /** Ends it. */
  end(): void;
}

/** Why answers end before their time. */
const timeUp = "time is up";
const closing = "the server is shutting down";

/** Longest time in milliseconds that timers know; longer ones would go off at once. */
const longestTimer = 2 ** 31 - 1;

/** Answers with several models, as many at once as each of them can. */
export class Engine {
  readonly #slots = new Map<string, Slot>();
  /** Answers under way, by slot, for those who wait until there are none. */
  readonly #users = new Map<Slot, Set<AbortController>>();
  readonly #ended: (() => void)[] = [];
  readonly #metrics: Metrics;
  readonly #timeoutMs: number;
  readonly #maxQueue: number;
  readonly #graceMs: number;
  readonly #turns = new Turns();
  #closed = false;

  /** Takes where to count, how long answers may take, and how many may wait. */
  constructor(metrics: Metrics, options: Pick<ServeOptions, "timeoutMs" | "maxQueue" | "graceMs">) {
    const { timeoutMs = 600_000, maxQueue = 64, graceMs = 30_000 } = options;
    this.#metrics = metrics;
    this.#timeoutMs = Math.min(timeoutMs, longestTimer);
    this.#maxQueue = maxQueue;
    this.#graceMs = Math.min(graceMs, longestTimer);
  }

  /** The models, in the order they came. */
  get slots(): readonly Slot[] {
    return [...this.#slots.values()];
  }

  /**
   * The model of a name; the first one without a name.
   *
   * @throws {ApiError} if there is none
   */
  find(name: string | undefined): Slot {
    this.checkReady();
    const slot = name === undefined ? this.slots[0] : this.#slots.get(name);
    if (slot !== undefined) return slot;
    throw new ApiError(`Cannot find model "${shorten(name ?? "")}": there is ${[...this.#slots.keys()].join(", ")}`, {
      status: 404,
      param: "model",
      code: "model_not_found",
    });
  }

  /**
   * The model of a name, as {@link Engine.find}, if somebody who asks it now has a chance: before images are read.
   *
   * @throws {ApiError} if there is none, or its queue is full
   */
  findFree(name: string | undefined): Slot {
    const slot = this.find(name);
    slot.gate.checkRoom();
    return slot;
  }

  /**
   * Sees to it that there is something to answer with.
   *
   * @throws {ApiError} with status 503 while no model is loaded, or when the server is closing
   */
  checkReady(): void {
    if (this.#closed) throw this.#closingError;
    if (this.#slots.size === 0) throw new ApiError("Loading model", { status: 503, code: 503, retryAfter: 1 });
  }

  /** See `Server.put`. */
  async put(model: ServedModel, name: string = model.parts.name): Promise<ServedModel | undefined> {
    const old = this.#slots.get(name);
    const gate = new Gate({ places: model.conversations, maxWaiting: this.#maxQueue });
    this.#slots.set(name, { name, model, gate, created: Math.floor(Date.now() / 1000) });
    if (old === undefined) return undefined;
    await this.#until(() => !this.#users.has(old));
    return old.model;
  }

  /**
   * Answers. The deadline and the client's leaving end it within a step, and give its place to the next one even where
   * nobody reads on. Throws what the model throws.
   */
  async *answer<Event extends ChatEvent>(
    { slot, signal, start }: AnswerOptions<Event>,
  ): AsyncGenerator<Event, void, void> {
    this.checkReady();
    const stay = this.#begin(slot.name, signal);
    const { model, gate } = stay.slot;
    let place: Disposable | undefined;
    let events: AsyncIterator<Event, unknown> | undefined;
    const leave = () => {
      place?.[Symbol.dispose]();
      events?.return?.().catch(() => {});
      stay.end();
    };
    stay.signal.addEventListener("abort", leave, { once: true });
    let over = false; // by itself, as it is when it is refused
    try {
      place = await gate.enter(stay.signal);
      stay.signal.throwIfAborted();
      events = start(model, stay.signal)[Symbol.asyncIterator]();
      while (!over) {
        const { done, value } = await events.next();
        stay.check();
        over = done === true;
        if (done) return;
        if (value.type === "finish") this.#metrics.addAnswer(value);
        yield value;
        await stay.pause();
      }
    } catch (error) {
      over = !stay.signal.aborted;
      throw this.#toldOf(error);
    } finally {
      if (!over) this.#metrics.addCancelled();
      leave();
    }
  }

  /** Does work that has one result and takes the place of an answer. Throws what the work throws. */
  async run<Result>({ slot, signal, work }: WorkOptions<Result>): Promise<Result> {
    this.checkReady();
    const stay = this.#begin(slot.name, signal);
    const { model, gate } = stay.slot;
    try {
      using _ = await gate.enter(stay.signal);
      return await work(model, stay);
    } catch (error) {
      throw this.#toldOf(error);
    } finally {
      stay.end();
    }
  }

  /** Takes no more requests, waits until all answers have ended, and ends those that take longer than they may. */
  async close(): Promise<void> {
    this.#closed = true;
    const timer = setTimeout(() => {
      for (const ending of [...this.#users.values()].flatMap((users) => [...users])) ending.abort(closing);
    }, this.#graceMs);
    await this.#until(() => this.#users.size === 0);
    clearTimeout(timer);
  }

  /** What is the case at the moment. */
  get gauges(): Metric[] {
    const sum = (value: (slot: Slot) => number) => this.slots.reduce((all, slot) => all + value(slot), 0);
    const told = (key: keyof ModelStatistics) => sum(({ model }) => model.statistics[key]);
    return [
      ["requests_processing", "gauge", "Answers being given", sum(({ gate }) => gate.inside)],
      ["requests_deferred", "gauge", "Requests that wait for a place", sum(({ gate }) => gate.waiting)],
      ["image_encode_total", "counter", "Images that were encoded", told("imagesEncoded")],
      ["image_cache_hits_total", "counter", "Images whose embeddings were still kept", told("imagesReused")],
      ["image_cache_bytes", "gauge", "Bytes of image embeddings kept", told("imageCacheBytes")],
      ["kv_bytes", "gauge", "Bytes of the KV caches", told("cacheBytes")],
    ];
  }

  /**
   * Counts a user of the model that has a name now until its end, which comes with the client's leaving or the deadline
   * at the latest. Another one may have come since the request was read, and the old one may be gone.
   */
  #begin(name: string, signal: AbortSignal): Stay {
    const slot = this.#slots.get(name)!;
    const ending = new AbortController();
    const gone = () => ending.abort(signal.reason);
    const timeout = performance.now() + this.#timeoutMs;
    const timer = setTimeout(() => ending.abort(timeUp), this.#timeoutMs);
    this.#users.set(slot, (this.#users.get(slot) ?? new Set()).add(ending));
    signal.addEventListener("abort", gone, { once: true });
    if (signal.aborted) gone();
    const check = () => {
      // While steps follow each other, the timer may be late.
      if (performance.now() >= timeout) ending.abort(timeUp);
      ending.signal.throwIfAborted();
    };
    const pause = async () => {
      await this.#turns.take();
      check();
    };
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", gone);
      this.#leave(slot, ending);
    };
    return { slot, signal: ending.signal, check, pause, end };
  }

  /** What to say of an error: reasons of ours are none that a client knows. */
  #toldOf(error: unknown): unknown {
    if (error === closing) return this.#closingError;
    if (error !== timeUp) return error;
    return new ApiError(`Cannot answer within ${this.#timeoutMs / 1000} seconds`, { status: 504, code: "timeout" });
  }

  #leave(slot: Slot, ending: AbortController): void {
    const users = this.#users.get(slot);
    if (!users?.delete(ending) || users.size > 0) return;
    this.#users.delete(slot);
    for (const tell of this.#ended.splice(0)) tell();
  }

  get #closingError(): ApiError {
    return new ApiError(`Cannot answer: ${closing}`, { status: 503, code: 503, retryAfter: 5 });
  }

  async #until(fine: () => boolean): Promise<void> {
    while (!fine()) await new Promise<void>((resolve) => this.#ended.push(resolve));
  }
}
