import { formatBytes } from "../../data/hub/mod.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { randomModelConfig } from "../../sdk/random_model.ts";
import { HubServer } from "./hub_server.ts";
import { minimind } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../data/safetensors_writer.ts";

/** The tiny model as a repository of the hub: decoder and projector in one file, the encoder in another. */
async function repository(folder: TinyFolder): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const { tensors } = readSafetensors(await Deno.readFile(`${folder.model}/model.safetensors`));
  const part = (encoder: boolean) => {
    const own = [...tensors].filter(([name]) => name.startsWith("vision_encoder.") === encoder);
    const written = own.map(([name, tensor]): [string, TensorToWrite] => {
      return [name.replace("vision_encoder.", ""), { shape: tensor.shape, values: tensor.toFloat32() }];
    });
    return writeSafetensors(new Map(written));
  };
  return {
    "mini/mind/model.safetensors": part(false),
    "mini/eye/model.safetensors": part(true),
    "mini/mind/tokenizer.json": await Deno.readFile(`${folder.model}/tokenizer.json`),
    "mini/mind/tokenizer_config.json": await Deno.readFile(`${folder.model}/tokenizer_config.json`),
  };
}

Deno.test("minimind chat downloads what a config names, once, and then needs no network", async () => {
  await using folder = await TinyFolder.create();
  const image = imagePath("grey_8.png");
  const config = `${folder.path}/mini.json`;
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      ...randomModelConfig,
      encoder: { ...randomModelConfig.encoder as object, weights: "hf:mini/eye/model.safetensors" },
      weights: "hf:mini/mind/model.safetensors",
      tokenizer: "hf:mini/mind",
    }),
  );
  const cache = `${folder.path}/cache`;
  const args = [
    "chat",
    "--config",
    config,
    "--cache-dir",
    cache,
    "--image",
    image,
    "-p",
    "hi",
    "-n",
    "5",
    "--temp",
    "0",
  ];
  const allow = [`allow-read=${folder.path},${image}`];
  const files = await repository(folder);
  let first;
  {
    await using server = new HubServer(files);
    const hosts = [server.endpoint, server.cdn].map((url) => new URL(url).host).join(",");
    first = await minimind(args, {
      allow: [...allow, `allow-write=${cache}`, `allow-net=${hosts}`, "allow-env=HF_ENDPOINT,HF_TOKEN,HF_HUB_OFFLINE"],
      env: { HF_ENDPOINT: server.endpoint },
    });
    assert(server.seen.length > 0);
  }
  assertEquals([first.code, first.stdout.length], [0, 6]);
  const lines = first.stderr.trimEnd().split("\n");
  const total = formatBytes(Object.values(files).reduce((sum, { length }) => sum + length, 0));
  assertMatch(lines[0]!, new RegExp(`^ +0 % .* 0 B of ${total} +tokenizer\\.json \\(1 of 4\\)$`));
  assertMatch(lines.at(-2)!, new RegExp(`^100 % .* ${total} of ${total} .*model\\.safetensors \\(4 of 4\\)$`));
  assertMatch(first.stderr, /^loaded 100 % of decoder from hf:mini\/mind\/model\.safetensors \(24 of 24 tensors, /m);
  assertMatch(first.stderr, /100 % of encoder from hf:mini\/eye\/model\.safetensors \(37 of 37 tensors, /);
  const again = await minimind([...args, "--offline", "-q"], { allow });
  assertEquals(again, { code: 0, stdout: first.stdout, stderr: "" });
});

Deno.test("minimind chat takes a repository of the hub as a model: its documents, and the best of its weights", async () => {
  await using folder = await TinyFolder.create();
  const files: Record<string, Uint8Array<ArrayBuffer>> = { "some/one/pytorch_model.bin": new Uint8Array(9) };
  for (const { name } of Deno.readDirSync(folder.model)) {
    files[`some/one/${name}`] = await Deno.readFile(`${folder.model}/${name}`);
  }
  const cache = `${folder.path}/cache`;
  const args = ["chat", "hf:some/one", "--cache-dir", cache, "-p", "hi", "-n", "5", "--temp", "0", "-q"];
  const local = await minimind(["chat", folder.model, ...args.slice(4)]);
  await using server = new HubServer(files);
  const hosts = [server.endpoint, server.cdn].map((url) => new URL(url).host).join(",");
  const allow = [`allow-read=${folder.path}`, `allow-write=${cache}`, `allow-net=${hosts}`, "allow-env=HF_ENDPOINT"];
  const options = { allow, env: { HF_ENDPOINT: server.endpoint } };
  assertEquals(await minimind(args, options), local);
  assertEquals(server.seen.filter(({ line }) => line.includes("pytorch_model.bin")), []);
  assertEquals(await minimind([...args, "--offline"], { allow: allow.slice(0, 1) }), local);
  const { code, stderr } = await minimind(args.with(1, "hf:some/none"), options);
  assertEquals(code, 1);
  assertMatch(stderr, /^minimind: Cannot download "hf:some\/none@main": 401 [^\n]*\n$/);
});
