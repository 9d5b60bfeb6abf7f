import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eventsOf, redPixel } from "../unit/serving.ts";
import { denoArguments, minimind, RunningCommand } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";

const allow = ["allow-read", "allow-net=127.0.0.1"];

/** Starts the command, and waits until it serves. */
async function serve(args: readonly string[], port = "0"): Promise<{ command: RunningCommand; url: string }> {
  const command = new RunningCommand(Deno.execPath(), denoArguments(["serve", "--port", port, ...args], { allow }));
  await command.until(({ stderr }) => /^keys /m.test(stderr));
  const url = /^API (\S+)\/v1$/m.exec(command.stderr)![1]!;
  return { command, url };
}

function ask(url: string, fields: object, headers: Record<string, string> = {}): Promise<Response> {
  const body = { messages: [{ role: "user", content: "Hi" }], max_tokens: 5, temperature: 0, ...fields };
  return fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body), headers });
}

Deno.test("serve asks for keys, reads images of its folder alone, and goes by the name it is given", async () => {
  await using folder = await TinyFolder.create();
  await Deno.writeTextFile(`${folder.path}/keys.txt`, "from-file\n\n");
  await Deno.copyFile(imagePath("rgb_8.png"), `${folder.path}/picture.png`);
  const keys = ["--api-key", "first", "--api-key-file", `${folder.path}/keys.txt`];
  const { command, url } = await serve([folder.model, "-a", "tiny-v", ...keys, "--media-path", folder.path]);
  await using _ = command;
  assertMatch(
    command.stderr,
    /^serving tiny-v, 4 answers at once\npage (http:\S+)\/\nAPI \1\/v1\nkeys 2, one of which is asked for$/m,
  );
  assertEquals((await ask(url, {})).status, 401);
  for (const key of ["first", "from-file"]) {
    const answer = await (await ask(url, { model: "tiny-v" }, { authorization: `Bearer ${key}` })).json();
    assertEquals([answer.model, answer.usage.completion_tokens], ["tiny-v", 5]);
  }
  const show = async (image_url: string) => {
    const messages = [{ role: "user", content: [{ type: "image_url", image_url }] }];
    const response = await ask(url, { messages }, { authorization: "Bearer first" });
    return [response.status, await response.text()] as const;
  };
  assertEquals((await show("file://picture.png"))[0], 200);
  assertEquals((await show(redPixel))[0], 200);
  for (const path of ["file:///etc/passwd", "file://tiny/../../secret", "http://127.0.0.1/x"]) {
    const [status, text] = await show(path);
    assertEquals(status, 400);
    assert(!text.includes(folder.path), text);
  }
  assertEquals(await command.interrupted(), 0);
  assertMatch(command.stderr, /^ending the answers under way/m);
});

Deno.test("serve ends running streams at Ctrl-C and takes no more", async () => {
  const { command, url } = await serve(["random", "--parallel", "1"]);
  await using _ = command;
  assertMatch(command.stderr, /^keys none asked for$/m);
  const response = await ask(url, { stream: true, max_tokens: 300, temperature: 1 });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  command.interrupt();
  await command.until(({ stderr }) => stderr.includes("ending the answers"));
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
  assertEquals(eventsOf(text).at(-1)!.value, "data: [DONE]");
  assertEquals(await command.end(), 0);
});

Deno.test("serve --watch serves a model that has changed, and keeps the old one while a changed one is damaged", async () => {
  await using folder = await TinyFolder.create();
  const { command, url } = await serve([folder.model, "--watch"]);
  await using _ = command;
  const answer = async () => (await (await ask(url, { max_tokens: 12 })).json()).choices[0].message.content;
  const before = await answer();
  const file = `${folder.model}/model.safetensors`;
  const bytes = await Deno.readFile(file);
  await Deno.writeFile(file, bytes.subarray(0, 1000));
  await command.until(({ stderr }) => stderr.includes("the old one stays"));
  assertEquals(await answer(), before);
  await Deno.writeFile(file, changedWeights(bytes));
  await command.until(({ stderr }) => stderr.includes("as it is now"));
  const after = await answer();
  assert(after !== before);
  assertEquals(await answer(), after);
});

/** Other weights: the numbers behind the header from back to front. */
function changedWeights(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const values = new Float32Array(bytes.slice(header).buffer).reverse();
  const changed = bytes.slice();
  changed.set(new Uint8Array(values.buffer), header);
  return changed;
}

Deno.test("serve --watch ends a stream with the weights that it began with, and begins the next with the new ones", async () => {
  await using folder = await TinyFolder.create();
  const { command, url } = await serve([folder.model, "--watch", "--parallel", "2", "--ctx-size", "512"]);
  await using _ = command;
  const fields = { max_tokens: 400, ignore_eos: true };
  const answer = async () => (await (await ask(url, fields)).json()).choices[0].message.content;
  const before = await answer();
  // More than the buffers of sockets hold, so that it goes on only as far as it is read.
  const response = await ask(url, { ...fields, n: 16, stream: true, logprobs: true, top_logprobs: 20 });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const pieces = [(await reader.read()).value!];
  const file = `${folder.model}/model.safetensors`;
  await Deno.writeFile(file, changedWeights(await Deno.readFile(file)));
  await command.until(({ stderr }) => stderr.includes("as it is now"));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert(Number(/^minimind_tokens_predicted_total (.+)$/m.exec(metrics)![1]) < 16 * 400); // it is not over
  const after = await answer();
  assert(after !== before);
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value);
  const events = eventsOf(pieces.join(""));
  const texts = Array.from({ length: 16 }, () => "");
  for (const event of events.slice(0, -1)) {
    texts[event.at("choices.0.index") as number]! += event.at("choices.0.delta.content") ?? "";
  }
  assertEquals([texts, events.at(-1)!.value], [texts.map(() => before), "data: [DONE]"]);
  assertEquals(await answer(), after);
});

Deno.test("serve that was killed in the middle of streams starts again on the same port at once", async () => {
  let port = "0";
  const greedy = async (url: string) => (await (await ask(url, {})).json()).choices[0].message.content;
  let expected: unknown;
  for (let life = 0; life < 3; life++) {
    const { command, url } = await serve(["random", "--parallel", "4"], port);
    ({ port } = new URL(url));
    expected ??= await greedy(url);
    assertEquals(await greedy(url), expected);
    const streams = await Promise.all(Array.from({ length: 4 }, async () => {
      const response = await ask(url, { stream: true, max_tokens: 400, ignore_eos: true, temperature: 1 });
      const reader = response.body!.getReader();
      await reader.read();
      return reader;
    }));
    await command[Symbol.asyncDispose](); // SIGKILL
    for (const reader of streams) {
      await (async () => {
        while (!(await reader.read()).done);
      })().catch(() => {}); // whether it breaks off or came whole before
    }
  }
});

Deno.test("serve names what is wrong before it loads anything", async () => {
  using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = taken.addr as Deno.NetAddr;
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["--port", String(port)], new RegExp(`Cannot listen on 127.0.0.1:${port}: the port is taken; --port chooses`)],
    [["--timeout", "0"], /Cannot read flag "--timeout": 0 is not a number above 0/],
    [["--queue", "-1"], /Cannot read flag "--queue": -1 is not a whole number/],
    [["--parallel", "0"], /Cannot read flag "--parallel": 0 is not a whole number above 0/],
    [["random", "--watch"], /Cannot watch "random": it is not a folder or checkpoint on the disk/],
    [["minimind-3v", "--watch"], /Cannot watch "minimind-3v"/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await minimind(["serve", ...args], { allow });
    assertEquals(code, 1);
    assertMatch(stderr, message);
  }
  const { stdout } = await minimind(["serve", "--help"]);
  assertStringIncludes(stdout, "--media-host HOST");
});
