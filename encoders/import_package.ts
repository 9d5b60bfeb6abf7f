/**
 * Imports a package that is too large to be everybody's dependency, at the moment it is needed.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";

/** A package of the npm registry. */
export interface LazyPackage {
  /** Its name. */
  readonly name: string;
  /** The version that this library was tested with; what a project has installed itself comes first outside Deno. */
  readonly version: string;
  /** Imports it in another way, such as from a bundle: `() => import("onnxruntime-web")`. */
  readonly load?: (() => Promise<unknown>) | undefined;
}

/**
 * The module of a package. Deno fetches it from the npm registry, Node finds it in `node_modules`, a browser through
 * an import map; a bundle has to give `load`.
 *
 * @throws {ConfigError} saying how to install it where it is missing
 */
export async function importPackage({ name, version, load }: LazyPackage): Promise<unknown> {
  if (load !== undefined) return await load();
  // Never a literal: Deno and bundlers fetch whatever they can read in an import, for every user of this library.
  const isDeno = globalThis.navigator?.userAgent?.startsWith("Deno/") ?? false;
  const specifier = isDeno ? `npm:${name}@${version}` : name;
  try {
    return await import(specifier);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    // Browsers know no code; whatever else goes wrong, such as a permission, no installing helps.
    const missing = cause instanceof TypeError || (cause as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND";
    const install = isDeno ? `deno cache ${specifier}` : `npm install ${name}@${version}`;
    throw new ConfigError(`Cannot import "${specifier}": ${reason}${missing ? `; "${install}" installs it` : ""}`, {
      cause,
    });
  }
}
