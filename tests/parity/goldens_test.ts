import { assertEquals, assertGreater } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { filesOnDisk } from "../../cli/verify/case_files.ts";
import { verifyFolder } from "../../cli/verify/verify_folder.ts";

const own = new URL("../fixtures/goldens", import.meta.url).pathname;
const upstream = new URL("../../../shared/goldens/public", import.meta.url).pathname;
const absent = await Deno.stat(upstream).then(() => false, () => true);
if (absent) console.log("upstream's goldens are not beside the project: their tests are left out");

const backends: readonly (readonly [name: string, create: () => Promise<Backend>, maxParameters: number])[] = [
  ["reference", () => Promise.resolve(createReferenceBackend()), 2_000_000],
  ["wasm with 1 thread", () => createWasmBackend({ threads: 1 }), Infinity],
  ["wasm with 2 threads", () => createWasmBackend({ threads: 2 }), Infinity],
];

for (const [name, createBackend, maxParameters] of backends) {
  for (const [whose, folder, ignore] of [["our own", own, false], ["upstream's", upstream, absent]] as const) {
    Deno.test({
      name: `verifyFolder() passes every stage of ${whose} goldens on ${name} within verify's tolerances`,
      ignore,
      fn: async () => {
        const failures: string[] = [];
        const counts = await verifyFolder(filesOnDisk(folder), {
          createBackend,
          maxParameters,
          report: (golden, { stage, status, detail }) => {
            if (status === "failed") failures.push(`${golden} ${stage}: ${detail}`);
          },
        });
        assertEquals(failures, []);
        assertGreater(counts.passed, 400);
        if (maxParameters === Infinity) assertEquals(counts.skipped, 0);
      },
    });
  }
}
