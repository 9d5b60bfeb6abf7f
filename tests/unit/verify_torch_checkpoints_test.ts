import { assertEquals, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { filesOnDisk } from "../../cli/verify/case_files.ts";
import { verifyFolder } from "../../cli/verify/verify_folder.ts";

const fixtures = new URL("../fixtures/goldens/pth/", import.meta.url);

/** Verifies one fixture under another description; gives the failed stages and why. */
async function failures(name: string, change: Readonly<Record<string, string | object>>): Promise<string[]> {
  const folder = Deno.makeTempDirSync();
  try {
    const files = JSON.parse(Deno.readTextFileSync(new URL("files.json", fixtures)));
    const { expected } = { ...files[name], ...change };
    for (const file of [name, ...expected === undefined ? [] : [expected]]) {
      Deno.copyFileSync(new URL(file, fixtures), `${folder}/${file}`);
    }
    Deno.writeTextFileSync(`${folder}/files.json`, JSON.stringify({ [name]: { ...files[name], ...change } }));
    const failed: string[] = [];
    await verifyFolder(filesOnDisk(folder), {
      createBackend: () => Promise.resolve(createReferenceBackend()),
      maxParameters: Infinity,
      report: (_, { stage, status, detail }) => {
        if (status !== "passed") failed.push(`${stage}: ${detail}`);
      },
    });
    return failed;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("verifyFolder() passes a PyTorch file that does what its document says", async () => {
  assertEquals(await failures("by-hand-zip.pth", {}), []);
  assertEquals(await failures("evil-system-zip.pth", {}), []);
  assertEquals(await failures("bad-crc-zip.pth", { must: "refuse (recommended)" }), []);
});

Deno.test("verifyFolder() fails a PyTorch file that is read but must be refused, and the other way round", async () => {
  assertEquals(await failures("by-hand-zip.pth", { must: "refuse" }), [
    "by-hand-zip.pth: it was read, but must be refused",
  ]);
  assertEquals(await failures("empty.pth", { must: "load" }), [
    `empty.pth: WeightError: Cannot open "empty.pth": the file is empty`,
  ]);
  assertEquals(await failures("empty.pth", { must: "explode" }), ["empty.pth: what must be done is unknown: explode"]);
});

Deno.test("verifyFolder() fails a PyTorch file whose names, numbers, types or structure differ", async () => {
  const other = await failures("by-hand-zip.pth", { dtypes: { w: "float16" }, structure: { w: 1 } });
  assertEquals(other, [
    "by-hand-zip.pth.dtypes: element 0 is w F32, expected w F16",
    "by-hand-zip.pth.structure: element 0 is w [2], expected w 1",
  ]);
  const changed = await failures("bf16-zip.pth", { expected: "half-zip.expected.safetensors" });
  assertEquals(changed.length, 1);
  assertStringIncludes(changed[0]!, `bf16-zip.pth.values: "embed_tokens.weight": element 0 is -3.1`);
  assertEquals(
    (await failures("by-hand-zip.pth", { expected: "half-zip.expected.safetensors" }))[0]!.slice(0, 22),
    "by-hand-zip.pth.names:",
  );
});

Deno.test("verifyFolder() fails when a malicious PyTorch file's mark is there", async () => {
  const mark = Deno.makeTempFileSync();
  try {
    const failed = await failures("evil-system-zip.pth", { never_create: mark });
    assertEquals(failed, [`nothing executed: ${mark} is there`]);
  } finally {
    Deno.removeSync(mark);
  }
});
