/**
 * The contract of a plugin: a named maker of one part, which a config may choose.
 *
 * A third-party plugin is a module whose default export is one:
 *
 * ```ts ignore
 * const plugin: Plugin<"encoder", MyOptions> = { contract: 1, kind: "encoder", name: "mine", … };
 * export default plugin;
 * ```
 *
 * @module
 */
import type { Backend } from "./backend.ts";
import type { ReadFile } from "./chat_events.ts";
import type { Decoder } from "./decoder.ts";
import type { Grid, VisionEncoder } from "./encoder.ts";
import { ConfigError } from "./errors.ts";
import type { Notes } from "./notes.ts";
import type { Projector } from "./projector.ts";
import type { Server } from "./server.ts";

/** What every plugin may use while it makes its part. */
export interface PluginContext {
  /** Reads a file or URL that the options name, relative to the config that names it. */
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Told about anything that is missing here and slows things down or changes results, and what was chosen for it. */
  notice(message: string): void;
  /** Where what was found out about this machine is kept. Default nowhere. */
  readonly notes?: Notes | undefined;
}

/** A projector also has to know its neighbours. */
export interface ProjectorContext extends PluginContext {
  /** The features that the encoder gives. */
  readonly input: Grid;
  /** The embedding width that the decoder takes. */
  readonly width: number;
}

/** A server may also read images that requests name by path. */
export interface ServerContext extends PluginContext {
  /** Reads what goes after `file://`. Default: files are refused. */
  readonly readImage?: ReadFile | undefined;
}

/** For each kind of plugin: what it makes and what it is told. */
export interface PluginKinds {
  /** Pixels to features. */
  encoder: { product: VisionEncoder; context: PluginContext };
  /** Features to embeddings. */
  projector: { product: Projector; context: ProjectorContext };
  /** Embeddings to logits. */
  decoder: { product: Decoder; context: PluginContext };
  /** Memory and kernels of a device. */
  backend: { product: Backend; context: PluginContext };
  /** Loaded models to an answer over HTTP. */
  server: { product: Server; context: ServerContext };
}

/** Name of a kind of plugin. */
export type PluginKind = keyof PluginKinds;

/** The kinds that make up a model. */
export type PartKind = Exclude<PluginKind, "server">;

/** The kinds that make up a model, in the order data flows. */
export const partKinds: readonly PartKind[] = ["encoder", "projector", "decoder", "backend"];

/** All kinds, in the order data flows. */
export const pluginKinds: readonly PluginKind[] = [...partKinds, "server"];

/** A maker of one part. `Options` is what {@link Plugin.parseOptions} gives and {@link Plugin.create} takes. */
export interface Plugin<Kind extends PluginKind = PluginKind, Options = unknown> {
  /** Version of this contract. */
  readonly contract: 1;
  /** The kind of part it makes. */
  readonly kind: Kind;
  /** Name a config uses. */
  readonly name: string;
  /** One line for listings. */
  readonly summary: string;
  /** Why it cannot work in this runtime; absent or undefined when it can. */
  unsupported?(): string | undefined;
  /**
   * Checks the options of a config.
   *
   * @throws {ConfigError} naming the key that is wrong
   */
  parseOptions(input: unknown): Options;
  /** Makes the part. No weight has been read yet. */
  create(
    options: Options,
    context: PluginKinds[Kind]["context"],
  ): PluginKinds[Kind]["product"] | Promise<PluginKinds[Kind]["product"]>;
}

/**
 * Checks that a value is a plugin of a kind.
 *
 * @throws {ConfigError} naming where it comes from and what it lacks
 */
export function checkPlugin<Kind extends PluginKind>(value: unknown, kind: Kind, from: string): Plugin<Kind> {
  const fail = (problem: string) => new ConfigError(`Cannot use "${from}" as ${kind}: ${problem}`);
  if (typeof value !== "object" || value === null) throw fail("it is no plugin (a default export is expected)");
  const plugin = value as Partial<Plugin<Kind>>;
  if (plugin.contract !== 1) throw fail(`its contract is ${JSON.stringify(plugin.contract)}, expected 1`);
  if (plugin.kind !== kind) throw fail(`it makes a ${JSON.stringify(plugin.kind)}`);
  for (const method of ["parseOptions", "create"] as const) {
    if (typeof plugin[method] !== "function") throw fail(`it has no ${method}()`);
  }
  const reason = plugin.unsupported?.();
  if (reason !== undefined) throw fail(reason);
  return plugin as Plugin<Kind>;
}
