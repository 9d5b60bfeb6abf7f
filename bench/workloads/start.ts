/**
 * What it takes to import the library, in fresh processes.
 *
 * @module
 */
import { median } from "../harness.ts";
import type { Report, Sides } from "./side.ts";

/** Imports the module that it is given, which nobody knew of when the process started. */
const script = `const start = performance.now();
await import(Deno.args[0]);
console.log(performance.now() - start);`;

/**
 * Measures the import of `mod.ts` by a script, compiled code cached, as after the first start, and with the project's
 * lock file. `deno eval` would compile all of it each time.
 */
export async function start({ rounds }: Sides): Promise<Report> {
  const door = new URL("../../mod.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const times: number[] = [];
  try {
    await Deno.writeTextFile(file, script);
    for (let round = 0; round <= rounds; round++) {
      const args = ["run", "--allow-read", "--frozen", "--config", config, file, door];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
      if (round > 0) times.push(Number(new TextDecoder().decode(stdout)));
    }
  } finally {
    await Deno.remove(file);
  }
  const [best, middle] = [Math.min(...times), median(times)].map((ms) => ms.toFixed(1));
  return { results: [], notes: [`import of mod.ts: ${middle} ms (best ${best})`] };
}
