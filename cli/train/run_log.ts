/**
 * A run's metrics and report on disk.
 *
 * @module
 */
import type { FileStore } from "../../data/hub/mod.ts";
import { metricsLine, type MetricsRecord, parseMetrics, type SampleRecord } from "../../trainers/metrics.ts";
import { writeText } from "../../trainers/model_files.ts";
import { renderReport } from "../../trainers/report.ts";
import type { TrainEvent } from "../../trainers/train_events.ts";
import { imageUri } from "../image_uri.ts";
import type { Probe } from "./probes.ts";

const metricsFile = "metrics.jsonl";

/** Options of {@link RunLog.open}. */
export interface RunLogOptions {
  /** Batches done by the run that goes on; what was noted of later ones will come again and is dropped. */
  readonly batches: number;
  /** Title of the report. */
  readonly title: string;
  /** Tables of the report by heading: settings, digests. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The fixed prompts, for the report. */
  readonly probes: readonly Probe[];
}

/** What was noted before. */
interface Noted {
  readonly records: MetricsRecord[];
  readonly written: number;
}

/** Notes what happens. */
export class RunLog {
  readonly #store: FileStore;
  readonly #options: RunLogOptions;
  readonly #records: MetricsRecord[];
  #pending = "";
  #written: number;

  private constructor(store: FileStore, options: RunLogOptions, { records, written }: Noted) {
    this.#store = store;
    this.#options = options;
    this.#records = records;
    this.#written = written;
  }

  /** Opens the log of a run that begins or goes on. */
  static async open(store: FileStore, options: RunLogOptions): Promise<RunLog> {
    const known = options.batches > 0 && await store.stat(metricsFile) !== undefined;
    const text = known ? new TextDecoder().decode(await store.read(metricsFile)) : "";
    const records = parseMetrics(text, options);
    const kept = records.map((record) => metricsLine(record)).join("");
    await writeText(store, metricsFile, kept);
    return new RunLog(store, options, { records, written: new TextEncoder().encode(kept).length });
  }

  /** Notes an event or sample; it is on disk after the next {@link RunLog.flush}. */
  add(event: TrainEvent | SampleRecord): void {
    const line = metricsLine(event);
    if (line === undefined) return;
    this.#records.push(event as MetricsRecord);
    this.#pending += line;
  }

  /** Writes the metrics that are new. Before a checkpoint, for what it holds must not be missing here. */
  async flush(): Promise<void> {
    const bytes = new TextEncoder().encode(this.#pending);
    const writer = await this.#store.append(metricsFile, this.#written);
    try {
      await writer.write(bytes);
    } finally {
      await writer.close();
    }
    this.#written += bytes.length;
    this.#pending = "";
  }

  /** Writes the report. */
  async report(): Promise<void> {
    const { title, tables, probes } = this.#options;
    const images = probes.map(({ images }) => images.map(imageUri));
    await writeText(this.#store, "report.html", renderReport({ title, tables, records: this.#records, images }));
  }
}
