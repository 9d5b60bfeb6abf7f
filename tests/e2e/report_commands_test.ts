import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { writeSafetensors } from "../../data/safetensors_writer.ts";
import { minimind } from "./run_command.ts";
import { TinyFolder } from "./tiny_model.ts";

Deno.test("minimind inspect says what a model folder holds, in text and as JSON", async () => {
  await using folder = await TinyFolder.create();
  const { code, stdout, stderr } = await minimind(["inspect", folder.model], { allow: [`allow-read=${folder.model}`] });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^file +model\.safetensors, safetensors, 8\d\d\.\d kB$/m);
  assertMatch(stdout, /^beside it +config\.json, tokenizer\.json, tokenizer_config\.json$/m);
  assertMatch(stdout, /^generation +3 \(MiniMind-3\)$/m);
  assertMatch(stdout, /^released as +nothing that is known/m);
  assertMatch(stdout, /^decoder +64 wide, 2 layers, 4 heads of 16 \(2 for keys and values\), feed-forward 192, vocab/m);
  assertMatch(stdout, /^encoder +clip, 32 pixels in patches of 8, 64 wide, 2 layers$/m);
  assertMatch(stdout, /^in decoder +24 tensors, 115,328 parameters$/m);
  const json = await minimind(["inspect", `${folder.model}/model.safetensors`, "--json", "--tensors"]);
  const { parts, dtypes, tensors, model } = JSON.parse(json.stdout);
  assertEquals(parts.projector, { tensors: 2, parameters: 4160 });
  assertEquals(dtypes, { F32: { tensors: 63, parameters: 200_000 } });
  assertEquals([tensors.length, model.sizes.generation, model.sizes.hiddenSize], [63, 3, 64]);
});

Deno.test("minimind inspect shows released models, and what it does not recognise with the nearest that is known", async () => {
  await using folder = await TinyFolder.create();
  const released = await minimind(["inspect", "MiniMind2-Small-V"]);
  assertMatch(released.stdout, /^minimind2-small-v, a released model$/m);
  assertMatch(released.stdout, /^file +hf:openai\/clip-vit-base-patch16@\w+\/pytorch_model\.bin \(598\.6 MB\)$/m);
  const strange = `${folder.path}/strange.safetensors`;
  const tensor = { shape: [2, 3], values: new Float32Array(6) };
  await Deno.writeFile(strange, writeSafetensors(new Map([["model.embed_tokens.weight", tensor], ["x", tensor]])));
  const { stdout } = await minimind(["inspect", strange]);
  assertMatch(stdout, /^in other +2 tensors, 12 parameters$/m);
  assertMatch(stdout, /^unknown +Cannot infer the model: .*; the nearest known model is "/m);
  const message = async (...args: string[]) => (await minimind(["inspect", ...args])).stderr;
  assertMatch(await message("none.pth"), /^minimind: Cannot inspect "none\.pth": there is no such file or folder\n$/);
  assertMatch(
    await message("minimind-9v"),
    /^minimind: Cannot find model "minimind-9v": .*released are minimind2-small-v/,
  );
  await Deno.writeTextFile(`${folder.path}/a.pth`, "<html>");
  assertMatch(await message(`${folder.path}/a.pth`), /^minimind: Cannot open "a\.pth": it is a web page/);
});

Deno.test("minimind plan counts a released model's parameters, memory and work without any file", async () => {
  const { code, stdout } = await minimind(["plan", "minimind2-small-v", "--json", "--no-speed"], { allow: [] });
  assertEquals(code, 0);
  const { parts, total, cacheBytes, programs, expected } = JSON.parse(stdout);
  const sizes = parts.map(({ part, parameters }: { part: string; parameters: number }) => [part, parameters]);
  // 26,223,616 is what upstream counts for decoder and projector.
  assertEquals(sizes, [["encoder", 85_797_888], ["projector", 393_728], ["decoder", 25_829_888]]);
  assertEquals(total, { parameters: 112_021_504, bytes: 448_086_016 });
  assertEquals(cacheBytes, 2 * 8 * 2048 * 2 * 64 * 4);
  // Two operations for each weight of the encoder's matrices and each of 196 patches.
  const matrices = 12 * (4 * 768 * 768 + 2 * 768 * 3072);
  assert(programs.encode.flops > 2 * 196 * matrices && programs.encode.flops < 2.2 * 196 * matrices);
  assertEquals([programs.decode.flops > 2 * 25_000_000, expected], [true, undefined]);
});

Deno.test("minimind plan expects a speed from a measurement of under a second, and lists a program's calls", async () => {
  await using folder = await TinyFolder.create();
  const text = await minimind(["plan", folder.model, "--ctx-size", "512", "-t", "2", "--prompt-tokens", "100"]);
  assertEquals([text.code, text.stderr], [0, ""]);
  assertMatch(text.stdout, /^tiny, one conversation of 512 tokens$/m);
  assertMatch(text.stdout, /^decoder +115,328 +461\.3 kB$/m);
  assertMatch(text.stdout, /^prefill 100 +[\d.]+ MFLOP +[\d.]+ kB +\d+$/m);
  assertMatch(
    text.stdout,
    /^expected +on wasm, 2 threads, measured just now at [\d.]+ GFLOP\/s and [\d.]+ GB\/s of weights:$/m,
  );
  assertMatch(text.stdout, /^ +then \d+ tokens a second$/m);
  const dump = await minimind(["plan", folder.model, "--dump", "decode"]);
  assertMatch(dump.stdout, /^ +0 embedding \(i32\[1, 1\] token, f32\[260, 64\] model\.embed_tokens\.weight\) -> /m);
  assertMatch(dump.stdout, /^\d+ calls, \d+ storages, 461312 parameter bytes, /m);
  const message = async (...args: string[]) => (await minimind(["plan", ...args])).stderr;
  assertEquals(await message("--dump", "all"), 'minimind: Cannot dump "all": there are encode, prefill, decode\n');
  assertMatch(
    await message("--prompt-tokens", "5000"),
    /^minimind: Cannot plan a prompt of 5000 tokens: the context has/,
  );
});

Deno.test("minimind doctor passes the kernels' self-test without any permission, and says what more would show", async () => {
  // Without a folder of that name the loader of graphics drivers writes to stderr itself.
  const env = { XDG_RUNTIME_DIR: "/tmp" };
  const { code, stdout, stderr } = await minimind(["doctor"], { allow: [], env });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^ok +engine +Deno \d/m);
  assertMatch(stdout, /^ok +self-test +9 kernels within [\d.]+e-\d of the reference, in [\d.]+ ms$/m);
  assertMatch(stdout, /^ok +auto +(wasm|webgpu): \S/m);
  assertMatch(stdout, /^ok +permissions +none$/m);
  assertMatch(stdout, /^note +memory +unknown; --allow-sys=systemMemoryInfo shows it$/m);
  const json = await minimind(["doctor", "--json", "--threads", "999"], { allow: ["allow-sys"] });
  const checks: { name: string; status: string; detail: string }[] = JSON.parse(json.stdout);
  assertEquals([json.code, checks.filter(({ status }) => status === "failed").map(({ name }) => name)], [
    1,
    ["threads", "self-test"],
  ]);
  assertMatch(checks.find(({ name }) => name === "memory")!.detail, /^[\d.]+ GB of [\d.]+ GB are free$/);
});

Deno.test("minimind bench measures a model with random weights, of a name or of a folder", async () => {
  await using folder = await TinyFolder.create();
  const args = ["--prompt-tokens", "40", "-n", "8", "--rounds", "2", "--threads", "2"];
  const text = await minimind(["bench", ...args]);
  assertEquals([text.code, text.stderr], [0, ""]);
  assertStringIncludes(text.stdout, "demo on wasm, 2 threads, random weights, 2 rounds\n");
  assertMatch(text.stdout, /^encode an image +[\d.]+ ms +[\d.]+ ms$/m);
  assertMatch(text.stdout, /^prefill 40 tokens +[\d.]+ ms +[\d.]+ ms +\d+ tokens\/s$/m);
  const json = await minimind(["bench", folder.model, ...args, "--json"]);
  const { model, milliseconds, prefillTokensPerSecond, decodeTokensPerSecond } = JSON.parse(json.stdout);
  assertEquals([model, milliseconds.encode.length, milliseconds.decode.length], ["tiny", 2, 2]);
  const median = milliseconds.prefill.toSorted((a: number, b: number) => a - b)[1];
  assert(Math.abs(prefillTokensPerSecond - 40_000 / median) < 1e-6 && decodeTokensPerSecond > 0);
  const wrong = await minimind(["bench", "--rounds", "0"]);
  assertEquals(wrong.stderr, "minimind: Cannot measure with --rounds 0: it must be a whole number of at least 1\n");
});
