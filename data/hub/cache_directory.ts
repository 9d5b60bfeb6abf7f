/**
 * Where a program keeps downloaded models by default.
 *
 * @module
 */

/** What is asked about the machine. */
export interface Surroundings {
  /** Value of an environment variable; undefined if it is not set or may not be read. */
  readonly env: (name: string) => string | undefined;
  /** The operating system as Deno and Node name it: `windows` or `win32`, `darwin`, `linux`, … */
  readonly os: string;
}

/** Environment variables that {@link cacheDirectory} reads. */
export const cacheVariables: readonly string[] = [
  "MINIMIND_CACHE",
  "HF_HUB_CACHE",
  "HF_HOME",
  "XDG_CACHE_HOME",
  "LOCALAPPDATA",
  "HOME",
];

/**
 * The default cache folder: `$MINIMIND_CACHE`; else the cache of the hub's own clients where `$HF_HUB_CACHE` or
 * `$HF_HOME` names one, whose files are then shared; else `minimind` in the platform's cache folder. Undefined if
 * nothing tells where that is.
 */
export function cacheDirectory({ env, os }: Surroundings): string | undefined {
  const join = (folder: string | undefined, ...parts: string[]) =>
    folder ? [folder.replace(/[\\/]+$/, ""), ...parts].join(/^win/.test(os) ? "\\" : "/") : undefined;
  const platform = () => {
    if (/^win/.test(os)) return join(env("LOCALAPPDATA"), "minimind", "cache");
    if (os === "darwin") return join(env("HOME"), "Library", "Caches", "minimind");
    return join(env("XDG_CACHE_HOME"), "minimind") ?? join(env("HOME"), ".cache", "minimind");
  };
  return env("MINIMIND_CACHE") || env("HF_HUB_CACHE") || join(env("HF_HOME"), "hub") || platform();
}
