/**
 * Pixels to the features of a frozen encoder, without the projector, which is being trained.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "../core/backend.ts";
import { isGraphEncoder, type VisionEncoder } from "../core/encoder.ts";
import { Graph } from "../core/graph/graph.ts";
import { planGraph } from "../core/graph/plan.ts";
import { allocateMissing } from "../core/weights.ts";

/** Encodes images one at a time. Its program is planned and loaded at the first one. */
export class FeatureEncoder implements Disposable {
  readonly #backend: Backend;
  readonly #encoder: VisionEncoder;
  readonly #weights: Storages;
  readonly #storages: Map<string, Storage>;
  #program: Program | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `weights` are the encoder's parameters on the backend; others may be among them. */
  constructor(backend: Backend, encoder: VisionEncoder, { weights }: { readonly weights: Storages }) {
    this.#backend = backend;
    this.#encoder = encoder;
    this.#weights = weights;
    this.#storages = new Map(weights);
  }

  /** Pixels `[3,S,S]` → features `[N,C]`. Images that are given at the same time wait for each other. */
  async encode(pixels: Float32Array): Promise<Float32Array> {
    const turn = this.#last.then(() => this.#encode(pixels));
    this.#last = turn.catch(() => {});
    return await turn;
  }

  async #encode(pixels: Float32Array): Promise<Float32Array> {
    if (!isGraphEncoder(this.#encoder)) return await this.#encoder.run(pixels);
    const program = this.#program ??= this.#load(this.#encoder);
    program.write("pixels", pixels);
    program.run();
    return await program.read("features") as Float32Array;
  }

  /** Frees the program; the shared weights stay. */
  [Symbol.dispose](): void {
    this.#program?.[Symbol.dispose]();
    this.#program = undefined;
    for (const [name, storage] of this.#storages) if (!this.#weights.has(name)) this.#backend.free(storage);
    this.#storages.clear();
  }

  #load(encoder: Extract<VisionEncoder, { encode: unknown }>): Program {
    const graph = new Graph();
    const { size } = encoder.pixels;
    graph.output("features", encoder.encode(graph, graph.input("pixels", "f32", [1, 3, size, size])));
    const plan = planGraph(graph);
    allocateMissing(this.#backend, plan, this.#storages);
    return this.#backend.load(plan, this.#storages);
  }
}
