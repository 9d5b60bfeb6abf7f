import type { PartConfig } from "../../core/config.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../data/safetensors_writer.ts";
import type { SavedTensor } from "../../data/saved_tensor.ts";
import { writeTorchCheckpoint } from "../../data/torch_checkpoint/write.ts";
import { randomModelConfig } from "../../sdk/random_model.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { minimind } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";

const [jpeg, png, gif] = ["baseline.jpg", "rgb_alpha_8.png", "interlaced.gif"].map(imagePath) as [
  string,
  string,
  string,
];

/** What `--json` prints. */
interface AnswerLine {
  readonly text: string;
  readonly reason: string;
  readonly model: string;
  readonly seed: number;
  readonly image?: string;
  readonly usage: { promptTokens: number; cachedTokens: number; imageTokens: number; completionTokens: number };
  readonly timings: Record<string, number>;
}

function answers(stdout: string): AnswerLine[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("minimind chat answers about an image when it may read the model and the image, and nothing else", async () => {
  await using folder = await TinyFolder.create();
  const allow = [`allow-read=${folder.model},${jpeg}`];
  const args = ["chat", folder.model, "--image", jpeg, "--prompt", "What is it?", "-n", "12", "--temperature", "0"];
  const { code, stdout, stderr } = await minimind([...args, "--timings"], { allow });
  assertEquals(code, 0);
  assertMatch(stdout, /^[\x20-\x7e]+\n$/);
  const loaded = /^loaded 100 % of decoder from tiny \(.*; 100 % of projector from tiny \(.*; 100 % of encoder from /m;
  assertMatch(stderr, loaded);
  for (const part of ["start", "load", "image", "encode", "prefill", "first token", "decode"]) {
    assertMatch(stderr, new RegExp(`^${part} +[\\d.]+ ms {2}\\S`, "m"));
  }
  const again = await minimind([...args, "--quiet"], { allow });
  assertEquals([again.stdout, again.stderr], [stdout, ""]);
});

Deno.test("minimind chat --json prints text, usage and timings, and tells images apart", async () => {
  await using folder = await TinyFolder.create();
  const ask = async (...images: string[]) => {
    const shown = images.flatMap((image) => ["--image", image]);
    const args = ["chat", folder.model, ...shown, "--prompt", "What?", "--json", "-n8", "--seed", "7", "-q"];
    return answers((await minimind(args)).stdout)[0]!;
  };
  const [none, first, second, both] = [await ask(), await ask(png), await ask(gif), await ask(png, gif)];
  assertEquals([none.usage.imageTokens, first.usage.imageTokens, both.usage.imageTokens], [0, 16, 32]);
  assertEquals(first.usage.promptTokens - none.usage.promptTokens, 17);
  assertEquals(new Set([none, first, second, both].map(({ text }) => text)).size, 4);
  const { text, reason, model, seed, usage, timings } = both;
  assertEquals([[...text].length, reason, model, seed, usage.completionTokens], [8, "length", "tiny", 7, 8]);
  const parts = ["startMs", "loadMs", "imageMs", "encodeMs", "prefillMs", "decodeMs"].map((part) => timings[part]!);
  assert(parts.every((part) => part > 0));
  const sum = parts.slice(0, -1).reduce((total, part) => total + part, 0);
  assert(timings["firstTokenMs"]! >= sum && timings["firstTokenMs"]! < sum + 1000);
});

Deno.test("minimind chat --beam gives the likeliest answer of a search, and draws nothing", async () => {
  await using folder = await TinyFolder.create();
  const ask = async (...args: string[]) => {
    const fixed = ["chat", folder.model, "--image", png, "--prompt", "What?", "--json", "-n", "12", "-q"];
    return await minimind([...fixed, ...args]);
  };
  const [greedy, one, four, again] = await Promise.all([
    ask("--temperature", "0"),
    ask("--temperature", "0", "--beam", "1"),
    ask("--beam", "4", "--seed", "1"),
    ask("--num_beams", "4", "--seed", "2", "--threads", "1"),
  ]);
  const text = ({ stdout }: { stdout: string }) => answers(stdout)[0]!.text;
  assertEquals(text(one), text(greedy));
  assertEquals(text(again), text(four));
  assert(text(four) !== text(greedy));
  const refused = await ask("--beam", "4", "--top-p", "0.5");
  assertEquals(
    [refused.code, refused.stderr],
    [1, "minimind: Cannot use both --beam and --top-p: a beam search draws nothing\n"],
  );
});

Deno.test("minimind chat takes the question from a pipe, and upstream's and llama.cpp's spellings of flags", async () => {
  await using folder = await TinyFolder.create();
  const [plain, upstream, short] = [
    await minimind(
      ["chat", folder.model, "--max-new-tokens", "9", "--temperature", "0", "--repetition-penalty", "1.3", "--top-k"]
        .concat(["5", "--ctx-size", "300", "--threads", "1", "--prompt", "Tell me", "--quiet"]),
    ),
    await minimind(
      ["chat", "--load_from", folder.model, "--max_new_tokens", "9", "--temperature", "0", "--repetition_penalty"]
        .concat(["1.3", "--top_k=5", "--n_ctx", "300", "--threads", "1", "--show_speed", "0", "--quiet"]),
      { stdin: "Tell me\n" },
    ),
    await minimind(
      ["chat", "-m", folder.model, "-n", "9", "--temp", "0", "--repeat-penalty", "1.3", "--top_k", "5", "-c", "300"]
        .concat(["-t1", "-p", "Tell me", "-q"]),
    ),
  ];
  assertEquals([plain.code, plain.stderr], [0, ""]);
  assertEquals([...plain.stdout].length, 10);
  assertEquals([upstream, short], [plain, plain]);
});

Deno.test("minimind chat takes a config file with an encoder module of its own, both relative to the file", async () => {
  await using folder = await TinyFolder.create();
  await Deno.mkdir(`${folder.path}/configs`);
  const encoder = `const plugin = {
    contract: 1, kind: "encoder", name: "brightness", summary: "one number a patch",
    parseOptions: (options) => options,
    create: ({ edge }) => ({
      name: "brightness",
      pixels: { size: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
      output: { tokens: (32 / edge) ** 2, width: 3 * edge * edge },
      ignores: [],
      encode: (graph, pixels) => graph.patches(pixels, edge),
    }),
  };
  export default plugin;`;
  await Deno.writeTextFile(`${folder.path}/configs/brightness.js`, encoder);
  const config = { model: "random", encoder: { use: "./brightness.js", options: { edge: 16 } } };
  await Deno.writeTextFile(`${folder.path}/configs/mine.json`, JSON.stringify(config));
  const args = ["--image", png, "-p", "x", "--json", "-n", "5", "--seed", "1"];
  const fromFile = await minimind(["chat", "--config", "configs/mine.json", ...args], { cwd: folder.path });
  assertEquals(answers(fromFile.stdout)[0]!.usage.imageTokens, 4);
  const inline = JSON.stringify({ use: "./configs/brightness.js", options: { edge: 16 } });
  const byFlag = await minimind(["chat", "random", "--encoder", inline, ...args], { cwd: folder.path });
  assertEquals(answers(byFlag.stdout)[0]!.text, answers(fromFile.stdout)[0]!.text);
  // The same decoder, and a projector that was made for another encoder.
  const misfit = await minimind(["chat", folder.model, "--encoder", inline, ...args], { cwd: folder.path });
  assertEquals(misfit.code, 1);
  assertMatch(
    misfit.stderr,
    /^minimind: Cannot bind weights: 1 misshapen \(".*" is \[64, 64\], expected \[64, 768\]\)\n$/,
  );
});

Deno.test("minimind chat without a model lets the embedded demo answer, with no permission but to read the image", async () => {
  const { code, stdout, stderr } = await minimind(["chat", "--image", gif, "--prompt", "hi", "--seed", "1"], {
    allow: [`allow-read=${gif}`],
  });
  assertEquals(code, 0);
  assert(stdout.length > 1);
  assertMatch(stderr, /^no model was named, so the embedded demo answers: /);
  assertStringIncludes(stderr, "name a released model (minimind-3v)");
});

Deno.test("minimind chat asks about each image of a folder, and goes on behind one that cannot be read", async () => {
  await using folder = await TinyFolder.create();
  const photos = `${folder.path}/photos`;
  await Deno.mkdir(photos);
  for (const [name, from] of [["a.png", png], ["c.jpg", jpeg]] as const) await Deno.copyFile(from, `${photos}/${name}`);
  await Deno.writeTextFile(`${photos}/b.gif`, "GIF89a, but not for long");
  await Deno.writeTextFile(`${photos}/notes.txt`, "no image");
  const args = ["chat", folder.model, "--image_dir", photos, "--temp", "0", "-n", "6", "-q"];
  const { code, stdout, stderr } = await minimind([...args, "--json"]);
  assertEquals([code, answers(stdout).map(({ image }) => image)], [1, ["a.png", "c.jpg"]]);
  assertMatch(stderr, /^Cannot load ".*b\.gif" as GIF: .*\n$/);
  const text = await minimind([...args, "--prompt", "Describe this image in detail."]);
  const [first, second] = answers(stdout).map(({ text }) => text);
  assertEquals(text.stdout, `a.png\n${first}\nb.gif\nc.jpg\n${second}\n`);
});

/** What upstream's scripts leave: weights in `out/`, tokenizer and encoder in `model/`. */
async function writeCheckout({ path, model }: TinyFolder): Promise<void> {
  const { tensors } = readSafetensors(await Deno.readFile(`${model}/model.safetensors`));
  const [encoder, own] = [new Map<string, TensorToWrite>(), new Map<string, SavedTensor>()];
  for (const [name, tensor] of tensors) {
    const vision = /^vision_encoder\.(.*)/.exec(name)?.[1];
    if (vision !== undefined) encoder.set(vision, { shape: tensor.shape, values: tensor.toFloat32() });
    else own.set(name, { dtype: "F32", shape: tensor.shape, toBytes: () => tensor.bytes });
  }
  const eye = `${path}/model/vision_model/clip-tiny`;
  await Deno.mkdir(eye, { recursive: true });
  await Deno.writeFile(`${eye}/model.safetensors`, writeSafetensors(encoder));
  // The tiny folder says nothing of heads, so that they are taken to be 64 wide there.
  const config = { ...(randomModelConfig.encoder as PartConfig).options as object, num_attention_heads: 1 };
  await Deno.writeTextFile(`${eye}/config.json`, JSON.stringify(config));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await Deno.copyFile(`${model}/${name}`, `${path}/model/${name}`);
  }
  await Deno.mkdir(`${path}/out`);
  await Deno.writeFile(`${path}/out/sft_vlm_64.pth`, writeTorchCheckpoint(own));
  await Deno.writeTextFile(`${path}/out/sft_vlm_64_moe.pth`, "of no use");
}

Deno.test("minimind chat and caption take upstream's --load_from, --weight and --save_dir for what its scripts leave", async () => {
  await using folder = await TinyFolder.create();
  await writeCheckout(folder);
  const cwd = folder.path;
  const plain = await minimind(["chat", folder.model, "--image", jpeg, "-p", "Hi", "-n", "5", "--temp", "0", "-q"]);
  const same = ["--image", jpeg, "-p", "Hi", "-n", "5", "--temp", "0", "-q"];
  const upstream = await minimind(["chat", "--load_from", "model", "--weight", "sft_vlm", ...same], { cwd });
  assertEquals(upstream, { code: 0, stdout: plain.stdout, stderr: "" });
  await Deno.mkdir(`${folder.path}/photos`);
  await Deno.copyFile(jpeg, `${folder.path}/photos/a.jpg`);
  const caption = ["caption", "photos", "model", "--save_dir", "out", "-n", "5", "--temp", "0", "-q", "-p", "Hi"];
  assertEquals(answers((await minimind(caption, { cwd })).stdout)[0]!.text, plain.stdout.trimEnd());
  await Deno.copyFile(`${folder.path}/out/sft_vlm_64.pth`, `${folder.path}/out/sft_vlm_65.pth`);
  const message = async (...args: string[]) => {
    return (await minimind(["chat", "--load_from", "model", "-p", "x", ...args], { cwd })).stderr;
  };
  assertEquals(
    await message("--weight", "sft_vlm"),
    "minimind: Cannot choose among sft_vlm_64.pth, sft_vlm_65.pth: say which with --hidden-size\n",
  );
  assertEquals(
    await message("--weight", "llm", "--hidden_size", "64"),
    'minimind: Cannot find "llm_64.pth" in the folder "out": it has sft_vlm_64.pth, sft_vlm_64_moe.pth, sft_vlm_65.pth\n',
  );
  assertMatch(await message("--use_moe", "1"), /^minimind: Cannot open ".*sft_vlm_64_moe\.pth": /);
  assertEquals(
    await message("--weight", "sft_vlm", "--save_dir", "none"),
    'minimind: Cannot read "none": there is no such folder\n',
  );
});

Deno.test("minimind chat names what is wrong in one line, before it loads a model where it can", async () => {
  await using folder = await TinyFolder.create();
  const damaged = `${folder.path}/damaged.png`;
  await Deno.writeFile(damaged, Deno.readFileSync(png).subarray(0, 60));
  const { model, path } = folder;
  const cases: readonly (readonly [args: string[], message: RegExp])[] = [
    [[model, "-p", "x", "--image", `${path}/none.jpg`], /Cannot read ".*none\.jpg": there is no such file/],
    [[model, "-p", "x", "--image", path], /Cannot read ".*": it is a folder/],
    [[model, "-p", "x", "--image", damaged], /Cannot load ".*damaged\.png" as PNG: /],
    [[model, "-p", "x", "--image", "https://example.com/a.png"], /".*" *: addresses are only read with --allow-urls/],
    [
      [model, "-p", "x", "--image", "http://example.com/a.png", "--allow-urls"],
      /images are read from files and https addresses/,
    ],
    [
      ["minimind-3w", "-p", "x"],
      /Cannot find model "minimind-3w": did you mean minimind-3v\? it is no file or folder, /,
    ],
    [[`${path}/none`, "-p", "x"], /Cannot find model ".*none": there is no such file or folder/],
    [["./none", "-p", "x"], /Cannot find model "\.\/none": there is no such file or folder/],
    [[model, "-p", "x", "--image", "README.md"], /Cannot load "README\.md": its format is unknown; JPEG/],
    [[model, "-p", "x", "-c", "99999"], /Cannot use a context of 99999: "minimind-3" has 32768 positions/],
    [
      [model, "--encoder", `${path}/none.ts`, "-p", "x"],
      /Cannot load encoder "file:.*none\.ts": Module not found ".*"$/m,
    ],
    [[`${path}/none.pth`, "-p", "x"], /Cannot read ".*none\.pth": there is no such file/],
    [[model, "-p", "x", "--tempature", "1"], /Cannot read flag "--tempature": did you mean --temperature\?/],
    [[model, "-p", "x", "--top-p", "1.5"], /Cannot sample with topP 1\.5: it must be above 0 and at most 1/],
    [[model, "-p", "x", "-n", "0"], /Cannot generate 0 tokens: it must be a whole number above 0/],
    [[model, "--model", model, "-p", "x"], /Cannot use both ".*" and --model ".*": name one model/],
    [[model, "--config", `${path}/none.json`], /Cannot read ".*none\.json": there is no such file/],
    [[model, "--encoder", "klip", "-p", "x"], /Cannot find encoder "klip": there are clip, siglip, /],
    [
      [model, "--backend", '{"use":"wasm","options":{"thread":1}}', "-p", "x"],
      /there is no such option, there are threads/,
    ],
    [[model], /Cannot chat: there is no question; give --prompt, pipe one in, or use a terminal/],
    [[model, "-p", "x".repeat(2048)], /Cannot answer: the prompt takes \d+ tokens, the context has 2048/],
    [
      ["minimind2-small-v", "-p", "x", "--offline", "--cache-dir", path],
      /Cannot find "hf:.*" offline: it is not in the cache .*; run once without --offline/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await minimind(["chat", "-q", ...args]);
    assertEquals([code, stdout], [1, ""], args.join(" "));
    assertMatch(stderr, message);
    assertMatch(stderr, /^minimind: Cannot [^\n]*[^.\n]\n$/);
  }
});
