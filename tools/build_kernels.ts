/**
 * Builds the WASM kernels and embeds them: `deno task kernels`. With `--check`, only compares.
 *
 * @module
 */
import asc from "assemblyscript/asc";

const entry = "backends/wasm/assembly/run.ts";
const target = new URL("../backends/wasm/kernels.generated.ts", import.meta.url);

/** The size takes three bytes, so that binary.ts can write another one over it. */
const shared = ["--sharedMemory", "--initialMemory", "65536"];

/** Flags of each build. */
const builds = {
  relaxedShared: ["--enable", "simd,relaxed-simd,threads", ...shared],
  relaxed: ["--enable", "simd,relaxed-simd,threads"],
  simdShared: ["--enable", "simd,threads", ...shared],
  simd: ["--enable", "simd,threads"],
};

const common = ["-O3", "--noAssert", "--runtime", "stub", "--importMemory", "--memoryBase", "1024"];

async function build(flags: string[]): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [entry, ...common, "--maximumMemory", "65536", "--disableWarning", "112", ...flags, "-o", "kernels.wasm"],
    {
      readFile: (name) => Deno.readTextFile(new URL(`../${name}`, import.meta.url)).catch(() => null),
      writeFile: (_name, contents) => void (binary = contents as Uint8Array),
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) throw new Error(`Cannot build the kernels: ${stderr.toString()}`);
  return binary;
}

const lines = ["// Built from backends/wasm/assembly by `deno task kernels`; do not edit.", ""];
lines.push("/** Builds of the kernels, base64. */", "export const binaries = {");
for (const [name, flags] of Object.entries(builds)) {
  const binary = await build(flags);
  console.log(`${name}: ${binary.length} bytes`);
  const characters = Array.from(binary, (byte) => String.fromCharCode(byte)).join("");
  lines.push(`  ${name}:`, `    "${btoa(characters)}",`);
}
lines.push("} as const;", "");
const text = lines.join("\n");

if (!Deno.args.includes("--check")) await Deno.writeTextFile(target, text);
else if (await Deno.readTextFile(target) !== text) {
  console.error("The embedded kernels are not what their source gives: run `deno task kernels`");
  Deno.exit(1);
}
