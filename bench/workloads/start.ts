/**
 * What it takes to import the library, in fresh processes.
 *
 * @module
 */
import { median } from "../harness.ts";
import type { Report, Sides } from "./side.ts";

/** Measures the import of `mod.ts`, compiled code cached, as after the first start. */
export async function start({ rounds }: Sides): Promise<Report> {
  const door = new URL("../../mod.ts", import.meta.url).href;
  const script = `const start = performance.now();
    await import(${JSON.stringify(door)});
    console.log(performance.now() - start);`;
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--no-lock", script] }).output();
    if (round > 0) times.push(Number(new TextDecoder().decode(stdout)));
  }
  const [best, middle] = [Math.min(...times), median(times)].map((ms) => ms.toFixed(1));
  return { results: [], notes: [`import of mod.ts: ${middle} ms (best ${best})`] };
}
