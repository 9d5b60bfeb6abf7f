/**
 * What every runtime is asked to do with the library: load a model, look at two images, answer twice.
 *
 * @module
 */
import type * as Library from "../../../mod.ts";

/** A job, as JSON. */
export interface Job {
  /** URL of the library: its source or a bundle. */
  readonly library: string;
  /** What to load, but for the backend. */
  readonly config: { readonly model: string; readonly tokenizer?: string };
  /** Images as data URIs, one for each question. */
  readonly images: readonly string[];
  /** Threads to ask for. */
  readonly threads: number;
  /** Milliseconds without work before the last question. Default 0. */
  readonly idle?: number;
  /** Whether to forget the model at the end instead of disposing of it. Default false. */
  readonly forget?: boolean;
}

/** One answer; what depends on the clock is left out. */
export interface Answer {
  /** The text that the end told. */
  readonly text: string;
  /** The text that came in pieces. */
  readonly pieces: string;
  /** Why it ended. */
  readonly reason: Library.FinishReason;
  /** Tokens of prompt and answer. */
  readonly usage: Library.Usage;
}

/** What came of a job, as JSON. */
export interface Outcome {
  /** Threads of the backend. */
  readonly threads: number;
  /** Embeddings of the first image. */
  readonly embeddings: readonly number[];
  /** One for each image. */
  readonly answers: readonly Answer[];
  /** What the library gave notice of. */
  readonly notices: readonly string[];
}

/** Does a job; `onEvent` is told every event of the answers. */
export async function runJob(job: Job, onEvent: (event: Library.ChatEvent) => void = () => {}): Promise<Outcome> {
  const { loadModel }: typeof Library = await import(job.library);
  const notices: string[] = [];
  // Without relaxed SIMD, which not all engines have, results are equal bit for bit.
  const backend = { use: "wasm", options: { threads: job.threads, relaxedSimd: false } };
  const model = await loadModel({ ...job.config, backend }, { onNotice: (notice) => void notices.push(notice) });
  const images = await Promise.all(job.images.map(async (image) => await (await fetch(image)).blob()));
  const embeddings = Array.from(await model.embedImage(images[0]!));
  const messages: Library.Message[] = [];
  const answers: Answer[] = [];
  for (const [i, image] of images.entries()) {
    if (i > 0 && i === images.length - 1) await new Promise((resolve) => setTimeout(resolve, job.idle ?? 0));
    messages.push({ role: "user", content: [{ type: "image", image }, { type: "text", text: "What is this?" }] });
    let pieces = "";
    for await (const event of model.chat(messages, { maxNewTokens: 24, temperature: 1, topP: 1, topK: 0, seed: i })) {
      onEvent(event);
      if (event.type === "text-delta") pieces += event.text;
      if (event.type === "finish") answers.push({ text: event.text, pieces, reason: event.reason, usage: event.usage });
    }
    messages.push({ role: "assistant", content: answers.at(-1)!.text });
  }
  const { threads } = model.parts.backend.capabilities;
  if (!job.forget) await model[Symbol.asyncDispose]();
  return { threads, embeddings, answers, notices };
}
