import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { filesOnDisk } from "../../cli/verify/case_files.ts";
import { largestDifference, same, within } from "../../cli/verify/check.ts";
import { type Counts, verifyFolder, type VerifyOptions } from "../../cli/verify/verify_folder.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../data/safetensors_writer.ts";

const fixtures = new URL("../fixtures/goldens/", import.meta.url);

/** A folder that goes when the block ends. */
class TemporaryFolder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();

  async write(file: string, content: string | Uint8Array): Promise<void> {
    const path = `${this.path}/${file}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  async copyCase(name: string, to: string): Promise<void> {
    for await (const { name: file } of Deno.readDir(new URL(name, fixtures))) {
      await this.write(`${to}/${file}`, await Deno.readFile(new URL(`${name}/${file}`, fixtures)));
    }
  }

  async changeTensors(file: string, change: (tensors: Map<string, TensorToWrite>) => void): Promise<void> {
    const { tensors } = readSafetensors(await Deno.readFile(`${this.path}/${file}`));
    const copies = [...tensors].map(([name, tensor]): [string, TensorToWrite] => [name, {
      shape: tensor.shape,
      values: tensor.dtype === "F32" ? tensor.toFloat32().slice() : tensor.toInt32().slice(),
    }]);
    const changed = new Map(copies);
    change(changed);
    await this.write(file, writeSafetensors(changed));
  }

  async changeText(file: string, [from, to]: [RegExp, string]): Promise<void> {
    const text = await Deno.readTextFile(`${this.path}/${file}`);
    assert(from.test(text));
    await this.write(file, text.replace(from, to));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Runs verify on the reference backend; failures come as one line each. */
async function verify(
  folder: TemporaryFolder,
  options: Partial<VerifyOptions> = {},
): Promise<{ counts: Counts; failures: string[] }> {
  const failures: string[] = [];
  const counts = await verifyFolder(filesOnDisk(folder.path), {
    createBackend: () => Promise.resolve(createReferenceBackend()),
    maxParameters: Infinity,
    report: (name, { stage, status, detail }) => {
      if (status === "failed") failures.push(`${name} ${stage}: ${detail}`);
    },
    ...options,
  });
  return { counts, failures };
}

async function failuresAfter(change: (folder: TemporaryFolder) => Promise<void>, name = "v3-moe"): Promise<string[]> {
  await using folder = new TemporaryFolder();
  await folder.copyCase(name, "case");
  await change(folder);
  return (await verify(folder)).failures;
}

Deno.test("verifyFolder() tells a case by its content, whatever its folder is called", async () => {
  await using folder = new TemporaryFolder();
  await folder.copyCase("v3-moe", "a/b");
  await folder.copyCase("clip/clip-tiny", "siglip");
  const { counts, failures } = await verify(folder);
  assertEquals(failures, []);
  assert(counts.passed > 60);
});

Deno.test("verifyFolder() fails exactly the stage whose stored numbers are off", async () => {
  const shift = (name: string, by: number) => (folder: TemporaryFolder) =>
    folder.changeTensors("case/expected.safetensors", (tensors) => {
      const values = tensors.get(name)!.values as Float32Array;
      values[3] = values[3]! + by;
    });
  assertEquals(await failuresAfter(shift("img1.logits", 1e-3)), [
    "case img1.logits: largest difference 1e-3, tolerance 2e-4",
  ]);
  assertEquals(await failuresAfter(shift("mixed.hidden.block.0", NaN)), [
    "case mixed.hidden.block.0: largest difference Infinity, tolerance 1e-4",
  ]);
});

Deno.test("verifyFolder() fails when ids, losses, settings or the architecture differ", async () => {
  const change = (from: RegExp, to: string) =>
    failuresAfter((folder) => folder.changeText("case/case.json", [from, to]));
  const losses = await change(/"loss": \d/, `"loss": 9`);
  assertEquals(losses.length, 1);
  assertStringIncludes(losses[0]!, "case img0.loss: largest difference");
  assert((await change(/"rms_norm_eps": 1e-0?6/, `"rms_norm_eps": 1e-3`)).length > 20);
  assert((await change(/"top_k": 12/, `"top_k": 3`)).join().includes("generation.sampling.all.kept"));
});

Deno.test("verifyFolder() fails when a stored tensor is missing or nobody compares it", async () => {
  const missing = await failuresAfter((folder) =>
    folder.changeTensors("case/expected.safetensors", (tensors) => tensors.delete("img1.logits"))
  );
  assertEquals(missing.length, 1);
  assertStringIncludes(missing[0]!, `Cannot take "img1.logits"`);
  const extra = await failuresAfter((folder) =>
    folder.changeTensors("case/expected.safetensors", (tensors) => {
      tensors.set("img9.logits", { shape: [1], values: new Float32Array(1) });
    })
  );
  assertEquals(extra, ["case expected.compared: not img9.logits"]);
});

Deno.test("verifyFolder() fails when the weights file lacks a tensor, has one too many or another number", async () => {
  const change = (change: (tensors: Map<string, TensorToWrite>) => void) =>
    failuresAfter((folder) => folder.changeTensors("case/weights.safetensors", change));
  const norm = "model.norm.weight";
  assertStringIncludes((await change((tensors) => tensors.delete(norm)))[0]!, `1 missing ("${norm}"`);
  const extra = await change((tensors) => void tensors.set("extra", { shape: [1], values: new Float32Array(1) }));
  assertStringIncludes(extra[0]!, `1 unexpected ("extra" [1])`);
  const other = await change((tensors) => void (tensors.get(norm)!.values as Float32Array).fill(9, 0, 1));
  assert(other.some((failure) => failure.startsWith("case weights.drawn: ")));
});

Deno.test("verifyFolder() fails an unknown kind, a damaged document, stray tensors, and a folder without cases", async () => {
  await using folder = new TemporaryFolder();
  assertEquals((await verify(folder)).failures, [`${folder.path} all: no case`]);
  await folder.write("odd.json", `{"colour": 1}`);
  await folder.write("damaged/case.json", `{`);
  await folder.write("stray/x.safetensors", writeSafetensors(new Map()));
  await folder.write("empty.json", `{}`);
  assertEquals((await verify(folder)).failures.sort(), [
    "damaged/case.json all: it is not a JSON object",
    "empty all: its kind is unknown: a document with no keys",
    "odd all: its kind is unknown: a document with colour",
    "stray/x.safetensors all: no document beside it says what it is",
  ]);
  assertEquals((await verify(folder, { only: /nothing/ })).failures, [`${folder.path} all: no case matches /nothing/`]);
});

Deno.test("verifyFolder() skips models that are too large", async () => {
  await using folder = new TemporaryFolder();
  await folder.copyCase("v2-dense", "model");
  assertEquals((await verify(folder, { maxParameters: 1000 })).counts, { passed: 0, failed: 0, skipped: 1 });
});

Deno.test("verifyFolder() fails a learning rate that upstream's schedule does not give", async () => {
  await using folder = new TemporaryFolder();
  const table = (rate: number) =>
    `{"first_step_argument": 1, "tables": [{"total_steps": 2, "learning_rate": 1, "values": [[1, ${rate}]]}]}`;
  await folder.write("right.json", table(0.55));
  await folder.write("wrong.json", table(0.56));
  const { counts, failures } = await verify(folder);
  assertEquals(counts, { passed: 1, failed: 1, skipped: 0 });
  assertStringIncludes(failures[0]!, "wrong total_steps.2: largest difference 1e-2");
});

Deno.test("verifyFolder() fails exactly the gradient whose stored numbers are off, and one that is missing", async () => {
  const stored = "grad.img1.model.norm.weight";
  const change = (change: (tensors: Map<string, TensorToWrite>) => void) =>
    failuresAfter((folder) => folder.changeTensors("case/grads.safetensors", change));
  const off = await change((tensors) => void ((tensors.get(stored)!.values as Float32Array)[0]! += 1e-3));
  assertEquals(off.length, 1);
  assertStringIncludes(off[0]!, "case gradients.img1.model.norm.weight: largest difference 1e-3");
  const missing = await change((tensors) => tensors.delete(stored));
  assertEquals(missing, ["case gradients.img1.stored: element 0 is model.norm.weight, expected undefined"]);
  const document = await failuresAfter((folder) =>
    folder.changeText("case/case.json", [/"grad_is_all_zero": \[\s*"model[^"]*",/, `"grad_is_all_zero": [`])
  );
  assertEquals(document.length, 1);
  assertStringIncludes(document[0]!, "case gradients.img0.none: ");
});

Deno.test("verifyFolder() fails training whose parameters, losses or policy differ", async () => {
  const parameters = await failuresAfter((folder) =>
    folder.changeTensors("case/train.safetensors", (tensors) => {
      const [, { values }] = [...tensors].find(([name]) => name.startsWith("after3.freeze_llm_2."))!;
      (values as Float32Array)[0]! += 0.1;
    })
  );
  assertEquals(parameters.map((failure) => failure.split(":")[0]), ["case training.freeze_llm_2.parameters"]);
  const clip = await failuresAfter((folder) =>
    folder.changeText("case/case.json", [/"grad_clip": 1/, `"grad_clip": 5`])
  );
  assert(clip.some((failure) => failure.startsWith("case training.freeze_llm_0.parameters: ")));
  const policy = await failuresAfter((folder) => folder.changeText("case/case.json", [/freeze_llm_2/, "freeze_llm_1"]));
  assert(policy.some((failure) => failure.startsWith("case training.freeze_llm_1.trainable: ")));
});

Deno.test("within() and same() refuse lists of different length and NaN", () => {
  const status = (actual: number[], expected: number[]) => within("x", { actual, expected, tolerance: 1 }).status;
  assertEquals([status([1, 2], [1, 2.5]), status([1], [1, 2]), status([1, 2], [1])], ["passed", "failed", "failed"]);
  assertEquals([status([NaN], [NaN]), status([NaN, 0], [0, 0]), status([0, 3], [0, 0])], [
    "failed",
    "failed",
    "failed",
  ]);
  assertEquals(same("x", { actual: [1, 2], expected: [1, 3] }).detail, "element 1 is 2, expected 3");
  assertEquals(same("x", { actual: [1], expected: [1, 2] }).status, "failed");
  assertEquals(largestDifference([], []), 0);
});
