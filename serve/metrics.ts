/**
 * What a server counts, as Prometheus reads it. Names are llama.cpp's with a prefix of ours.
 *
 * @module
 */
import type { Timings, Usage } from "../core/chat_events.ts";

/** Adds up what answers took. */
export class Metrics {
  #promptTokens = 0;
  #cachedTokens = 0;
  #imageTokens = 0;
  #promptMs = 0;
  #predictedTokens = 0;
  #predictedMs = 0;
  #cancelled = 0;
  readonly #responses = new Map<number, number>();

  /** Counts an answer that ended. */
  addAnswer({ usage, timings }: { readonly usage: Usage; readonly timings: Timings }): void {
    this.#promptTokens += usage.promptTokens - usage.cachedTokens;
    this.#cachedTokens += usage.cachedTokens;
    this.#imageTokens += usage.imageTokens;
    this.#promptMs += timings.imageMs + timings.encodeMs + timings.prefillMs;
    this.#predictedTokens += usage.completionTokens;
    this.#predictedMs += timings.decodeMs;
  }

  /** Counts an answer that nobody waited for, or that took too long. */
  addCancelled(): void {
    this.#cancelled++;
  }

  /** Counts a response by its status. */
  addResponse(status: number): void {
    this.#responses.set(status, (this.#responses.get(status) ?? 0) + 1);
  }

  /** All of it, with what is the case at the moment. */
  toText(gauges: readonly Metric[]): string {
    const counters: readonly Metric[] = [
      ["prompt_tokens_total", "counter", "Prompt tokens taken in, without those that were cached", this.#promptTokens],
      ["prompt_tokens_cached_total", "counter", "Prompt tokens that were still in the KV cache", this.#cachedTokens],
      ["image_tokens_total", "counter", "Prompt tokens that stood for images, cached or not", this.#imageTokens],
      ["prompt_seconds_total", "counter", "Seconds until the first token, images included", this.#promptMs / 1000],
      ["tokens_predicted_total", "counter", "Tokens of answers", this.#predictedTokens],
      [
        "tokens_predicted_seconds_total",
        "counter",
        "Seconds of answers after the first token",
        this.#predictedMs / 1000,
      ],
      [
        "predicted_tokens_seconds",
        "gauge",
        "Tokens a second of one answer, on average",
        rate(this.#predictedTokens, this.#predictedMs),
      ],
      [
        "prompt_tokens_seconds",
        "gauge",
        "Prompt tokens a second, on average",
        rate(this.#promptTokens, this.#promptMs),
      ],
      [
        "answers_cancelled_total",
        "counter",
        "Answers that ended early: the client left, or time was up",
        this.#cancelled,
      ],
    ];
    const responses = [...this.#responses].map(([status, count]) =>
      `${prefix}responses_total{status="${status}"} ${count}\n`
    );
    return [...counters, ...gauges].map(metricText).join("") +
      heading(["responses_total", "counter", "Responses by status", 0]) + responses.join("");
  }
}

/** Name, type, help and value of a metric. */
export type Metric = readonly [name: string, type: "counter" | "gauge", help: string, value: number];

const prefix = "minimind_";

function metricText(metric: Metric): string {
  return `${heading(metric)}${prefix}${metric[0]} ${metric[3]}\n`;
}

function heading([name, type, help]: Metric): string {
  return `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}\n`;
}

function rate(count: number, ms: number): number {
  return ms > 0 ? count / ms * 1000 : 0;
}
