/**
 * What the command line needs of a machine, and what makes it fast.
 *
 * @module
 */
import { compileKernels } from "../../backends/wasm/binary.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { describeAdapter, findAdapter } from "../../backends/webgpu/mod.ts";
import { cacheDirectory, cacheVariables, formatBytes } from "../../data/hub/mod.ts";
import { chooseBackend } from "../../plugins/backend_choice.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { duration } from "../format.ts";
import { type CacheFlagValues, cacheFolderNotes } from "../hub_flags.ts";
import { testBackend } from "./kernel_check.ts";

/** How a check came out: `note` and `slow` are no failures. */
export type Status = "ok" | "note" | "slow" | "failed";

/** One thing that was looked at. */
export interface Check {
  /** What was looked at. */
  readonly name: string;
  /** How it came out. */
  readonly status: Status;
  /** What was found, in one line. */
  readonly detail: string;
}

/** What {@link runChecks} is told. */
export interface CheckOptions extends CacheFlagValues {
  /** Threads of the self-test. Default all cores, at most 8. */
  readonly threads: number | undefined;
}

/** How long to wait for a graphics driver. */
const adapterPatience = 5000;

/** What is found out by waiting. */
const silentDriver = "the driver does not answer";

/** Looks at everything, one after the other. */
export async function* runChecks({ threads, ...cache }: CheckOptions): AsyncGenerator<Check> {
  const { deno, v8 } = Deno.version;
  yield { name: "engine", status: "ok", detail: `Deno ${deno}, V8 ${v8}, ${Deno.build.target}` };
  yield checkCores();
  yield checkMemory();
  yield await attempt("SIMD", checkSimd);
  yield await attempt("threads", () => checkThreads(threads));
  const webGpu = await attempt("WebGPU", checkWebGpu);
  yield webGpu;
  if (webGpu.detail !== silentDriver) yield await attempt("auto", () => checkChoice(cache));
  yield await attempt("cache", () => checkCache(cache));
  yield checkPermissions();
  yield await attempt("self-test", () => checkKernels(threads));
}

/** A check that fails if it throws. */
async function attempt(name: string, check: () => Promise<Omit<Check, "name">>): Promise<Check> {
  try {
    return { name, ...await check() };
  } catch (error) {
    return { name, status: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
}

function checkCores(): Check {
  const cores = navigator.hardwareConcurrency;
  return { name: "cores", status: cores > 1 ? "ok" : "slow", detail: `${cores}` };
}

function checkMemory(): Check {
  if (!granted({ name: "sys", kind: "systemMemoryInfo" })) {
    return { name: "memory", status: "note", detail: "unknown; --allow-sys=systemMemoryInfo shows it" };
  }
  const { total, available } = Deno.systemMemoryInfo();
  return { name: "memory", status: "ok", detail: `${formatBytes(available)} of ${formatBytes(total)} are free` };
}

async function checkSimd(): Promise<Omit<Check, "name">> {
  const { relaxed } = await compileKernels({ shared: false });
  return relaxed
    ? { status: "ok", detail: "relaxed: multiply-add in one step" }
    : { status: "slow", detail: "plain; the engine has no relaxed SIMD" };
}

async function checkThreads(wanted: number | undefined): Promise<Omit<Check, "name">> {
  const notices: string[] = [];
  const start = performance.now();
  await using backend = await createWasmBackend({ threads: wanted, onNotice: (notice) => notices.push(notice) });
  const { threads } = backend.capabilities;
  const shared = typeof SharedArrayBuffer === "undefined" ? "no SharedArrayBuffer" : "SharedArrayBuffer";
  const missing = notices.find((notice) => notice.startsWith("running on"));
  if (missing !== undefined) return { status: "slow", detail: `${missing}; ${shared}` };
  return {
    status: "ok",
    detail: `${threads}, started in ${duration(performance.now() - start)}; ${shared}`,
  };
}

async function checkWebGpu(): Promise<Omit<Check, "name">> {
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(silentDriver), adapterPatience);
  try {
    const adapter = await Promise.race([findAdapter(), late]);
    if (typeof adapter === "string") return { status: "note", detail: adapter };
    const { description, software, features, limits } = describeAdapter(adapter);
    const numbers = [
      `buffers up to ${formatBytes(limits.maxBufferSize)}`,
      `${formatBytes(limits.maxStorageBufferBindingSize)} bound at once`,
      `${limits.maxComputeWorkgroupsPerDimension} groups each way`,
      `${formatBytes(limits.maxComputeWorkgroupStorageSize)} a group`,
    ];
    return {
      status: "note",
      detail: [`${description}${software ? ", in software" : ""}`, ...numbers, ...features].join("; "),
    };
  } finally {
    clearTimeout(timer);
  }
}

async function checkChoice(cache: CacheFlagValues): Promise<Omit<Check, "name">> {
  const { backend, reason, from } = await chooseBackend({}, {
    readFile: () => Promise.reject(new Error("no file is needed")),
    notice() {},
    notes: cacheFolderNotes(cache),
  });
  await backend[Symbol.asyncDispose]();
  const known = { measured: ", measured just now", remembered: ", as measured before", alone: "" }[from];
  return { status: "ok", detail: `${backend.name}: ${reason}${known}` };
}

async function checkCache({ "cache-dir": named }: CacheFlagValues): Promise<Omit<Check, "name">> {
  const mayRead = (variable: string) => granted({ name: "env", variable });
  const env = (variable: string) => mayRead(variable) ? Deno.env.get(variable) || undefined : undefined;
  const folder = named ?? cacheDirectory({ env, os: Deno.build.os });
  if (folder === undefined) {
    const denied = cacheVariables.filter((variable) => !mayRead(variable));
    const hint = denied.length > 0 ? `; --allow-env=${denied.join(",")} shows it` : "; set MINIMIND_CACHE";
    return { status: "note", detail: `its folder is unknown${hint}` };
  }
  if (!granted({ name: "read", path: folder })) {
    return { status: "note", detail: `${folder}, which may not be read; see --allow-read` };
  }
  const exists = await Deno.stat(folder).then(() => true, () => false);
  if (!exists) return { status: "ok", detail: `${folder}, nothing was downloaded yet` };
  const store = createFileStore(folder);
  const kept = (await store.list("")).reduce((sum, { size }) => sum + size, 0);
  const free = await store.free();
  const room = free === undefined ? "--allow-sys=statfs shows the free space" : `${formatBytes(free)} are free`;
  return { status: "ok", detail: `${folder}, ${formatBytes(kept)} in it, ${room}` };
}

function checkPermissions(): Check {
  const names = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;
  const states = names.map((name) => {
    const { state, partial } = Deno.permissions.querySync({ name });
    return [name, state === "granted" ? "all" : partial ? "some" : "none"] as const;
  });
  const has = states.filter(([, much]) => much !== "none").map(([name, much]) =>
    much === "all" ? name : `${name} (some)`
  );
  return { name: "permissions", status: "ok", detail: has.length === 0 ? "none" : has.join(", ") };
}

async function checkKernels(threads: number | undefined): Promise<Omit<Check, "name">> {
  await using backend = await createWasmBackend({ threads });
  const { kernels, difference, passed, milliseconds } = await testBackend(backend);
  const what = `${kernels.length} kernels within ${difference.toExponential(1)} of the reference`;
  return { status: passed ? "ok" : "failed", detail: `${what}, in ${duration(milliseconds)}` };
}

function granted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}
