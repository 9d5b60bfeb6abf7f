import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { settingNames } from "../../cli/chat/settings.ts";
import { denoArguments, minimind, RunningCommand } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";

const jpeg = imagePath("baseline.jpg");

/** Lines of JSON. */
function lines(stdout: string): { text: string; reason: string; usage: Record<string, number>; seed: number }[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("minimind chat --interactive converses line by line, and keeps what was said in the cache", async () => {
  await using folder = await TinyFolder.create();
  const saved = `${folder.path}/saved.json`;
  const typed = [
    `/image '${jpeg}'`,
    "What is it?",
    "And\\",
    "now?",
    "/regen",
    "/set temp 0.5",
    `/save ${saved}`,
    `/save ${saved}`,
    "/clear",
    "Hello",
    "/exit",
    "never said",
  ];
  const args = ["chat", folder.model, "-i", "-n", "6", "--seed", "4", "--json", "-q", "--system", "Be brief"];
  const allow = [`allow-read=${folder.model},${jpeg}`, `allow-write=${saved}`];
  const { code, stdout, stderr } = await minimind(args, { stdin: `${typed.join("\n")}\n`, allow });
  assertEquals(code, 0);
  const [first, second, again, fresh, none] = lines(stdout);
  assertEquals([first, second, again].map((line) => line!.usage["imageTokens"]), [16, 16, 16]);
  // Everything up to the second question is still there; with the same seed the answer is the same.
  assert(second!.usage["cachedTokens"]! >= first!.usage["promptTokens"]! + 5);
  assertEquals([again!.text, again!.usage["cachedTokens"]], [second!.text, second!.usage["promptTokens"]! - 1]);
  assertEquals([fresh!.usage["imageTokens"], none], [0, undefined]);
  const conversation = JSON.parse(await Deno.readTextFile(saved));
  assertEquals(conversation.settings.temperature, 0.5);
  assertEquals(conversation.messages, [
    { role: "system", content: "Be brief" },
    { role: "user", content: [{ type: "image", image: jpeg }, { type: "text", text: "What is it?" }] },
    { role: "assistant", content: first!.text },
    { role: "user", content: "And\nnow?" },
    { role: "assistant", content: again!.text },
  ]);
  assertMatch(stderr, new RegExp(`^image 1 for the next message: ${jpeg}$`, "m"));
  assertMatch(stderr, /^temperature +0\.5$/m);
  assertMatch(stderr, /^Cannot save ".*saved\.json": the file is there already$/m);
});

Deno.test("minimind chat --interactive says an error in one line and goes on", async () => {
  await using folder = await TinyFolder.create();
  const typed = [
    "/imag x",
    "/photos/a.jpg what is it?",
    "/image none.png",
    "/regen",
    "/set heat 1",
    "/set top_p two",
    "/set min_p 2",
    "/save",
    "hi",
  ];
  const { code, stdout, stderr } = await minimind(["chat", folder.model, "-i", "-q", "-n", "4", "--temp", "0"], {
    stdin: typed.join("\n"),
  });
  assertEquals(stderr.trimEnd().split("\n"), [
    'Cannot run "/imag": did you mean /image? there are /image, /clear, /regen, /set, /save, /help, /exit',
    'Cannot run "/photos/a.jpg": a file is shown by /image /photos/a.jpg what is it?',
    'Cannot read "none.png": there is no such file',
    "Cannot answer again: nothing was asked yet",
    `Cannot set "heat": there are ${settingNames.join(", ")}`,
    'Cannot set "top_p": "two" is not a number',
    "Cannot sample with minP 2: it must be from 0 to 1",
    "Cannot save: name a file, /save FILE",
  ]);
  assertEquals([code, [...stdout].length], [0, 5]);
});

/** Arguments of a model whose answer outlasts every wait of a test. */
const endless = ["--backend", "reference", "-c", "30000", "-n", "29000", "--temperature", "0", "-q"];

Deno.test("Ctrl-C ends an answer of minimind chat, and the program when there is none", async () => {
  await using folder = await TinyFolder.create();
  const args = denoArguments(["chat", folder.model, "-i", ...endless]);
  await using command = new RunningCommand(Deno.execPath(), args);
  await command.type("Tell me\n");
  await command.until(({ stdout }) => stdout.length > 10);
  command.interrupt();
  await command.until(({ stderr }) => stderr.includes("stopped\n"));
  assert(command.stdout.endsWith("\n") && command.stdout.length < 29_000);
  const before = command.stdout.length;
  await command.type("/set max_new_tokens 3\nAgain\n/set seed 7\n");
  // The last setting is listed when the answer before it is over.
  await command.until(({ stderr }) => /^seed +7$/m.test(stderr));
  assertEquals(command.stdout.length, before + 4);
  assertEquals(await command.interrupted(), 130);
});

Deno.test("Ctrl-C ends a single question of minimind chat with exit code 130 and a line end", async () => {
  await using folder = await TinyFolder.create();
  const args = denoArguments(["chat", folder.model, "-p", "Tell me", ...endless]);
  await using command = new RunningCommand(Deno.execPath(), args);
  await command.until(({ stdout }) => stdout.length > 10);
  assertEquals(await command.interrupted(), 130);
  assertMatch(command.stdout, /^.{10,}\n$/);
  assertEquals(command.stderr, "Stopped by Ctrl-C\n");
});

Deno.test("a second Ctrl-C ends minimind chat at once, even while it loads", async () => {
  await using folder = await TinyFolder.create();
  await Deno.writeTextFile(
    `${folder.path}/slow.js`,
    `export default { contract: 1, kind: "encoder", name: "slow", summary: "never done", parseOptions() {},
      create: () => new Promise((resolve) => { console.error("waiting"); setTimeout(resolve, 1e6); }) };`,
  );
  const args = ["chat", "--encoder", `${folder.path}/slow.js`, "-p", "x", "-q"];
  await using command = new RunningCommand(Deno.execPath(), denoArguments(args));
  await command.until(({ stderr }) => stderr.includes("waiting"));
  assertEquals(await command.interrupted({ again: true }), 130);
});

/** util-linux's `script` gives a program a terminal; where there is none, the line by line tests above must do. */
const hasTerminals = await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success, () => false);
if (!hasTerminals) console.log("no terminal test: this machine has no command named script");

/** A chat on a terminal, that the shell gives its place to: one that waited beside it would die of a Ctrl-C. */
function onTerminal(args: readonly string[]): RunningCommand {
  const words = [Deno.execPath(), ...denoArguments(["chat", ...args])];
  const command = `exec ${words.map((word) => `'${word}'`).join(" ")}`;
  return new RunningCommand("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    NO_COLOR: "",
    TERM: "xterm",
  });
}

/** The end of what a terminal shows when it waits for a new line. */
const waiting = "> \x1b[3G";

/** Waits until the terminal was prompted so many times. */
function prompts(command: RunningCommand, count: number): Promise<void> {
  return command.until(({ stdout }) => stdout.split("\x1b[0J> ").length > count);
}

Deno.test({
  name: "minimind chat on a terminal prompts, colours, and takes Ctrl-C and Ctrl-D from the keyboard",
  ignore: !hasTerminals,
  async fn() {
    await using folder = await TinyFolder.create();
    await using command = onTerminal([folder.model, ...endless.slice(0, -1)]);
    await prompts(command, 1);
    assertStringIncludes(command.stdout, "\x1b[2mtiny listens; /image PATH shows it an image, /help lists more\x1b[0m");
    await command.type("/set max_new_tokens 5\r");
    await prompts(command, 2);
    await command.type("Hello\r");
    await prompts(command, 3);
    await command.type("/set max_new_tokens 29000\r");
    await prompts(command, 4);
    const before = command.stdout.length;
    await command.type("Hello again\r");
    await command.until(({ stdout }) => stdout.length > before + 100);
    await command.type("\x03");
    await prompts(command, 5);
    assertStringIncludes(command.stdout, "\x1b[2mstopped\x1b[0m");
    await command.type("\x04");
    assertEquals(await command.end(), 0);
    assertNotMatch(command.stdout, /error|at file:/);
  },
});

Deno.test({
  name: "minimind chat on a terminal keeps a history, completes, takes pasted lines, and ends at a second Ctrl-C",
  ignore: !hasTerminals,
  async fn() {
    await using folder = await TinyFolder.create();
    await using command = onTerminal([folder.model, "-n", "2", "--seed", "3", "-q"]);
    await prompts(command, 1);
    await command.type("one\rtwo\r"); // both at once, as pasted text comes
    const answers = (text: string) => text.match(/^.{2}(?=\r\n)/gm)?.length;
    await command.until(({ stdout }) => answers(stdout) === 2 && stdout.endsWith(waiting));
    await command.type("\x1b[A"); // up
    await command.until(({ stdout }) => stdout.endsWith("> two\x1b[6G"));
    await command.type(" three\x03");
    await command.until(({ stdout }) => stdout.includes("Ctrl-C again ends the chat") && stdout.endsWith(waiting));
    await command.type("/im");
    await command.until(({ stdout }) => stdout.endsWith("/im"));
    await command.type("\t");
    await command.until(({ stdout }) => stdout.endsWith("/image"));
    await command.type(` ${jpeg.slice(0, -7)}`);
    await command.until(({ stdout }) => stdout.endsWith(jpeg.slice(-20, -7)));
    await command.type("\t");
    await command.until(({ stdout }) => stdout.endsWith("ine.jpg"));
    await command.type("\r");
    await command.until(({ stdout }) => stdout.includes("image 1 for the next message: ") && stdout.endsWith(waiting));
    await command.type("\x1b\r"); // the Escape key ends nothing
    const before = command.stdout.length;
    await command.type("\x03");
    await command.until(({ stdout }) => stdout.slice(before).includes("again ends") && stdout.endsWith(waiting));
    assertEquals(answers(command.stdout), 2);
    await command.type("\x03");
    assertEquals(await command.end(), 130);
  },
});
