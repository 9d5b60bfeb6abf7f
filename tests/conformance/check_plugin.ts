/**
 * What every plugin must keep.
 *
 * @module
 */
import { type Plugin, pluginKinds } from "../../core/plugin.ts";
import { refuse } from "./part_run.ts";

/** Options of {@link checkPlugin}. */
export interface PluginCheckOptions {
  /** Options as a config may give them, which the plugin must take. Default none, `{}`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Options that the plugin must refuse, besides what is no object at all. Default none. */
  readonly wrong?: readonly unknown[] | undefined;
}

/**
 * Checks a plugin: the fields of the contract, and that `parseOptions` takes right options without changing them and
 * refuses wrong ones with a `ConfigError`. Nothing is created.
 *
 * @throws {Error} naming the plugin and what is wrong
 */
export function checkPlugin(plugin: Plugin, { options = {}, wrong = [] }: PluginCheckOptions = {}): void {
  const part = `plugin "${plugin.name}"`;
  if (plugin.contract !== 1) refuse(part, `its contract is ${plugin.contract}, expected 1`);
  if (!pluginKinds.includes(plugin.kind)) refuse(part, `its kind is "${plugin.kind}", there are ${pluginKinds}`);
  // A config tells names from module specifiers by their first characters.
  if (!/^[a-z0-9][\w-]*$/i.test(plugin.name)) refuse(part, "its name is not of letters, digits, _ and -");
  if (!/^\S.*\S$/.test(plugin.summary)) refuse(part, "its summary is not one line of text");
  for (const method of ["parseOptions", "create"] as const) {
    if (typeof plugin[method] !== "function") refuse(part, `it has no ${method}()`);
  }
  const reason = plugin.unsupported?.();
  if (reason !== undefined && (typeof reason !== "string" || reason === "")) {
    refuse(part, `unsupported() gives ${JSON.stringify(reason)}, expected a reason or undefined`);
  }
  const given = structuredClone(options);
  plugin.parseOptions(given);
  if (JSON.stringify(given) !== JSON.stringify(options)) refuse(part, "parseOptions() changes what it is given");
  for (const input of [undefined, null, 7, "text", true, [], ...wrong]) checkRefusal(plugin, input);
}

function checkRefusal(plugin: Plugin, input: unknown): void {
  const part = `plugin "${plugin.name}"`;
  const given = JSON.stringify(input) ?? "undefined";
  try {
    plugin.parseOptions(input);
  } catch (error) {
    // By name: a plugin may bring another copy of the class.
    if (error instanceof Error && error.name === "ConfigError" && error.message !== "") return;
    return refuse(part, `parseOptions() refuses ${given} with ${error}, expected a ConfigError`);
  }
  refuse(part, `parseOptions() takes ${given}`);
}
