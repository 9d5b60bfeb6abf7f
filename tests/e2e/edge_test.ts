import { assert, assertEquals } from "@std/assert";
import { eventsOf } from "../unit/serving.ts";
import { RunningCommand } from "./run_command.ts";
import { imagePath } from "./tiny_model.ts";

const root = new URL("../../", import.meta.url);
const example = new URL("examples/edge/main.ts", root);

/** Whether there is such a program. */
async function has(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

const [hasNode, hasBun] = await Promise.all([has("node"), has("bun")]);
if (!hasNode) console.log("there is no Node here: its test is left out");
if (!hasBun) console.log("there is no Bun here: its test is left out");

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return (listener.addr as Deno.NetAddr).port;
}

/** Asks about a JPEG, at once and as a stream, and checks what comes. */
async function check(port: number): Promise<void> {
  const url = `data:image/jpeg;base64,${Deno.readFileSync(imagePath("baseline.jpg")).toBase64()}`;
  const content = [{ type: "image_url", image_url: { url } }, { type: "text", text: "What is this?" }];
  const ask = async (fields: object) => {
    const body = { messages: [{ role: "user", content }], max_tokens: 8, seed: 1, temperature: 1, ...fields };
    const init = { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, init);
    return [response.status, await response.text()] as const;
  };
  const [status, text] = await ask({});
  assertEquals(status, 200, text);
  const whole = JSON.parse(text);
  const { completion_tokens: drawn, prompt_tokens_details: details } = whole.usage;
  assert(drawn > 0 && drawn <= 8);
  assertEquals(details.image_tokens, 36);
  const events = eventsOf((await ask({ stream: true }))[1]);
  const said = events.map((event) => event.at("choices.0.delta.content") ?? "").join("");
  assertEquals([said, events.at(-1)!.value], [whole.choices[0].message.content, "data: [DONE]"]);
  assertEquals((await ask({ temperature: -1 }))[0], 400);
  // There is no disk to read from.
  assertEquals(
    (await ask({ messages: [{ role: "user", content: [{ type: "image_url", image_url: "file:///etc/passwd" }] }] }))[0],
    400,
  );
}

/** Node's flag that takes away what is not allowed; it had another name before version 23. */
async function permissionFlag(): Promise<string> {
  const { success } = await new Deno.Command("node", { args: ["--permission", "-e", ""], stderr: "null" }).output();
  return success ? "--permission" : "--experimental-permission";
}

Deno.test("the edge's example answers in Deno with permission for nothing but its port", async () => {
  const port = freePort();
  const denied = ["read", "write", "env", "ffi", "run", "sys", "import"].map((name) => `--deny-${name}`);
  const place = ["--host", "127.0.0.1", "--port", String(port), `--allow-net=127.0.0.1:${port}`];
  const config = ["--config", new URL("deno.json", root).pathname];
  const args = ["serve", "--no-prompt", "--no-check", ...config, ...denied, ...place, example.pathname];
  await using command = new RunningCommand(Deno.execPath(), args);
  await command.until(({ stderr }) => stderr.includes("Listening"));
  await check(port);
});

Deno.test({
  name: "the edge's example answers in Node, bundled, with no right to start threads or to read beside its bundle",
  ignore: !hasNode,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-lock", "--allow-all", "tools/bundle.ts", folder, example.pathname],
        cwd: root,
        stdout: "null",
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      const script = `import { createServer } from "node:http";
import { Readable } from "node:stream";
import { edge } from "./main.js";
const port = Number(process.argv[2]);
createServer(async (asked, answer) => {
  const body = asked.method === "POST" ? Readable.toWeb(asked) : undefined;
  const url = "http://127.0.0.1:" + port + asked.url;
  const response = await edge.fetch(new Request(url, { method: asked.method, headers: asked.headers, body, duplex: "half" }));
  answer.writeHead(response.status, Object.fromEntries(response.headers));
  Readable.fromWeb(response.body).pipe(answer);
}).listen(port, "127.0.0.1", () => console.error("Listening"));
`;
      await Deno.writeTextFile(`${folder}/node.mjs`, script);
      const port = freePort();
      const args = [await permissionFlag(), `--allow-fs-read=${folder}`, `${folder}/node.mjs`, String(port)];
      await using command = new RunningCommand("node", args);
      await command.until(({ stderr }) => stderr.includes("Listening"));
      await check(port);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "the edge's example answers in Bun as it is",
  ignore: !hasBun,
  fn: async () => {
    const port = freePort();
    await using command = new RunningCommand("bun", [example.pathname], { PORT: String(port) });
    await command.until(({ stdout }) => stdout.includes("http://"));
    await check(port);
  },
});
