/**
 * Commands with `--backend webgpu`, beside the same on wasm.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findAdapter } from "../../backends/webgpu/mod.ts";
import { RunningCommand } from "./run_command.ts";
import { TinyFolder } from "./tiny_model.ts";
import { imageFolder, ownFlags, prepareTraining, runMinimind } from "./train_runs.ts";

const adapter = await findAdapter();
const webgpu = ["--backend", "webgpu"];

/** The losses of a run, one for each update. */
async function lossesOf(folder: string): Promise<number[]> {
  const lines = (await Deno.readTextFile(`${folder}/metrics.jsonl`)).trim().split("\n");
  return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "step").map(({ loss }) => loss);
}

if (typeof adapter === "string") console.log(`webgpu: no test of this file runs, for ${adapter}`);
else {
  Deno.test("minimind train --backend webgpu has the losses of wasm within 1e-4, resumes bit for bit, and its model answers as on wasm", async () => {
    await using place = await prepareTraining();
    const { folder } = place;
    const sizes = ["--epochs", "2", "--batch_size", "2", "--learning_rate", "2e-3", "--max_seq_len", "96"];
    const logs = ["--log_interval", "1", "--save_interval", "1", "--samples", "0"];
    const train = async (out: string, ...flags: string[]) => {
      const own = ownFlags(folder, out).slice(0, -2); // but for the threads
      const { code, stderr } = await runMinimind(["train", "sft", ...own, ...sizes, ...logs, ...flags]);
      assertEquals(code, 0, stderr);
      return stderr;
    };
    await train("wasm");
    await train("webgpu", ...webgpu);
    const [expected, losses] = [await lossesOf(`${folder}/wasm`), await lossesOf(`${folder}/webgpu`)];
    assertEquals(losses.length, 6);
    losses.forEach((loss, i) => assertAlmostEquals(loss, expected[i]!, 1e-4));
    assert(losses.at(-1)! < losses[0]!, losses.join());

    const weights = await Deno.readFile(`${folder}/webgpu/model.safetensors`);
    await Deno.remove(`${folder}/webgpu/checkpoints/batch-0000000006.safetensors`);
    assertMatch(await train("webgpu", ...webgpu, "--from_resume", "1"), /^going on after 5 batches$/m);
    assertEquals(await Deno.readFile(`${folder}/webgpu/model.safetensors`), weights);

    const question = ["--image", `${imageFolder}/rgb_8.png`, "--prompt", "What?", "--max-new-tokens", "6"];
    const chat = async (...flags: string[]) => {
      const args = ["chat", `${folder}/webgpu`, ...question, "--temperature", "0", "--ignore-eos", ...flags];
      const { code, stdout, stderr } = await runMinimind(args);
      assertEquals(code, 0, stderr);
      return stdout;
    };
    assertEquals(await chat(...webgpu), await chat());
  });

  Deno.test("eval, bench and plan work with --backend webgpu, and say that it computed", async () => {
    await using folder = await TinyFolder.create();
    const lines = ["rgb_8.png", "grey_8.png"].map((image) => {
      return JSON.stringify({ image, prompt: "What?", references: ["A picture"] });
    });
    await Deno.writeTextFile(`${folder.path}/captions.jsonl`, lines.join("\n"));
    const ask = async (...flags: string[]) => {
      const given = [`${folder.path}/captions.jsonl`, folder.model, "--images", imageFolder, "--max-new-tokens", "4"];
      const output = `${folder.path}/answers.jsonl`;
      const { code, stderr } = await runMinimind(["eval", "captions", ...given, "--output", output, ...flags]);
      assertEquals(code, 0, stderr);
      const answers = await Deno.readTextFile(output);
      await Deno.remove(output);
      return answers.split("\n").map((line) => line.replace(/"milliseconds":[\d.]+/, ""));
    };
    assertEquals(await ask(...webgpu), await ask());
    const small = ["--prompt-tokens", "20", ...webgpu];
    const bench = await runMinimind(["bench", folder.model, ...small, "-n", "4", "--rounds", "1"]);
    assertEquals(bench.code, 0, bench.stderr);
    assertStringIncludes(bench.stdout, "tiny on webgpu, random weights, 1 round\n");
    const plan = await runMinimind(["plan", folder.model, ...small]);
    assertEquals(plan.code, 0, plan.stderr);
    assertMatch(plan.stdout, /^expected +on webgpu, measured just now at /m);
  });

  Deno.test("serve --backend webgpu loads the model again on a new device when its device is lost", async () => {
    await using folder = await TinyFolder.create();
    const script = new URL("./runtimes/losing_device.ts", import.meta.url).href;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const args = ["run", "--no-prompt", "--allow-all", "--config", config, script];
    await using command = new RunningCommand(Deno.execPath(), [
      ...args,
      ...["serve", folder.model, "--port", "0", "--ctx-size", "256", ...webgpu],
    ]);
    await command.until(({ stderr }) => /^keys /m.test(stderr));
    const url = /^API (\S+)$/m.exec(command.stderr)![1]!;
    const ask = async () => {
      const messages = [{ role: "user", content: "Hi" }];
      const body = JSON.stringify({ messages, max_tokens: 4, temperature: 0, ignore_eos: true });
      const response = await fetch(`${url}/chat/completions`, { method: "POST", body });
      return [response.status, (await response.json()).choices?.[0].message.content] as const;
    };
    const before = await ask();
    assertEquals(before[0], 200);
    await command.type("lose\n");
    await command.until(({ stderr }) => /^the device was lost.*: loading the model again$/m.test(stderr));
    await command.until(({ stderr }) => /^serving tiny again$/m.test(stderr));
    assertEquals(await ask(), before);
    assertEquals(await command.interrupted(), 0);
  });
}
