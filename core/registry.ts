/**
 * Plugins by kind and name, and how a config's `use` becomes one.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";
import { checkPlugin, type Plugin, type PluginKind } from "./plugin.ts";

/** The plugins a config may name. */
export class Registry {
  readonly #plugins = new Map<string, Plugin>();

  /** Takes the plugins it starts with. */
  constructor(plugins: Iterable<Plugin> = []) {
    for (const plugin of plugins) this.register(plugin);
  }

  /**
   * Adds a plugin.
   *
   * @throws {ConfigError} if its kind already has one of that name
   */
  register(plugin: Plugin): void {
    const key = `${plugin.kind} ${plugin.name}`;
    if (this.#plugins.has(key)) throw new ConfigError(`Cannot register ${key}: the name is taken`);
    this.#plugins.set(key, plugin);
  }

  /** The plugins of a kind, in the order they were registered. */
  list(kind: PluginKind): readonly Plugin[] {
    return [...this.#plugins.values()].filter((plugin) => plugin.kind === kind);
  }

  /**
   * The plugin a config means: an object, a registered name, or a module specifier (`./mine.ts`, `https://…`,
   * `npm:…`, `jsr:…`), taken relative to `base`, whose default export is a plugin.
   *
   * @throws {ConfigError} if there is none, listing those that there are
   */
  async resolve<Kind extends PluginKind>(
    kind: Kind,
    use: string | Plugin<Kind>,
    { base }: { base: string | URL },
  ): Promise<Plugin<Kind>> {
    if (typeof use !== "string") return checkPlugin(use, kind, use?.name ?? String(use));
    const known = this.#plugins.get(`${kind} ${use}`);
    if (known !== undefined) return checkPlugin(known, kind, use);
    if (!isSpecifier(use)) {
      const names = this.list(kind).map((plugin) => plugin.name).join(", ");
      throw new ConfigError(`Cannot find ${kind} "${use}": there are ${names}; a module starts with ./ or a scheme`);
    }
    let module: { default?: unknown };
    try {
      const specifier = /^\.{0,2}\//.test(use) ? new URL(use, base).href : use;
      module = await import(specifier);
    } catch (cause) {
      throw new ConfigError(`Cannot load ${kind} "${use}": ${reasonOf(cause)}`, { cause });
    }
    return checkPlugin(module.default, kind, use);
  }
}

/** The engine's words without its colours, its mark of the place, and its full stop. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\p{Cc}\[[\d;]*m/gu, "").replace(/\s+at \S+$/, "").replace(/\.$/, "");
}

function isSpecifier(use: string): boolean {
  return /^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(use);
}
