/**
 * The switch that runs the model in this browser, and what is said beside it.
 *
 * @module
 */
import { byId, make } from "./dom.js";
import { LocalEngine } from "./local_engine.js";
import { say } from "./words.js";

/** Shows where answers come from. */
export class LocalSwitch {
  #box = byId("local", HTMLInputElement);
  #state = byId("local-state", HTMLSpanElement);
  #bar = byId("local-progress", HTMLProgressElement);
  /** @type {LocalEngine | undefined} */
  #engine;
  #model = "";
  #onEnd;

  /** @param {() => void} onEnd told before an engine is ended, whose answers would never end */
  constructor(onEnd) {
    this.#onEnd = onEnd;
    this.#box.checked = false; // browsers remember it when a page is loaded again
    this.#box.onchange = () => this.#run();
  }

  /**
   * The model to run.
   *
   * @param {string} model
   */
  set model(model) {
    this.#box.disabled = model === "";
    if (model === this.#model) return;
    this.#model = model;
    this.#run();
  }

  /**
   * What answers in the server's place, once it is loaded; undefined while the switch is off. Rejects once the signal is
   * aborted.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<LocalEngine | undefined>}
   */
  async engine(signal) {
    const engine = this.#engine;
    const aborted = new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([engine?.ready, aborted]);
    return engine;
  }

  /** Starts or ends the engine, as the switch is. */
  async #run() {
    if (this.#engine !== undefined) this.#onEnd();
    this.#engine?.end();
    this.#engine = undefined;
    this.#bar.hidden = !this.#box.checked;
    this.#bar.removeAttribute("value");
    if (!this.#box.checked) return this.#say();
    this.#say("localLoading");
    const engine = this.#engine = new LocalEngine(this.#model, (loaded, total) => {
      if (engine !== this.#engine) return;
      this.#bar.max = total;
      this.#bar.value = loaded;
    });
    try {
      const { backend, threads } = await engine.ready;
      if (engine !== this.#engine) return;
      if (backend === "webgpu") this.#say("localGraphics");
      else if (threads === 1) this.#say("localThread");
      else this.#say("localThreads", { threads: String(threads) });
      this.#bar.hidden = true;
    } catch (error) {
      if (engine !== this.#engine) return;
      engine.end();
      this.#engine = undefined;
      this.#box.checked = false;
      this.#bar.hidden = true;
      const problem = error instanceof Error ? error.message : "";
      if (problem === "") this.#say("localBroken");
      else this.#say("localFailed", { problem });
    }
  }

  /**
   * @param {import("./words.js").Word} [word] nothing unless given
   * @param {Readonly<Record<string, string>>} [values]
   */
  #say(word, values) {
    this.#state.replaceChildren();
    if (word === undefined) return;
    const line = make("span");
    say(line, word, values);
    this.#state.append(line);
  }
}
