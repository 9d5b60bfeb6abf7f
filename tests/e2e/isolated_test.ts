/**
 * Runs each file of cases in a process of its own, with the permissions it needs and no more, and without the lock file:
 * packages and modules that are only imported while it runs must not become the project's dependencies.
 *
 * @module
 */
import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";

const root = new URL("../../", import.meta.url);

async function deno(args: readonly string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: root, env: { NO_COLOR: "1", ...env } });
  const { code, stdout, stderr } = await command.output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Runs the tests of a file of cases. */
async function passes(name: string, permissions: readonly string[]): Promise<void> {
  const options = ["--no-lock", "--no-check", "--no-prompt", ...permissions];
  const { code, output } = await deno(["test", ...options, `tests/e2e/isolated/${name}_cases.ts`]);
  assertEquals(code, 0, output);
  assertMatch(output, /ok \| [1-9]\d* passed \| 0 failed/);
}

Deno.test("the onnx encoder runs small ONNX files with permission to read alone", () => {
  return passes("onnx", ["--allow-read"]);
});

Deno.test("the transformers encoder runs a small model folder with the permissions that its documentation names", () => {
  return passes("transformers", ["--allow-read", "--allow-env", "--allow-sys", "--allow-ffi"]);
});

Deno.test("the example's encoder, CLIP and an ONNX file are exchanged by config with permission to read alone", () => {
  return passes("swap_encoder", ["--allow-read"]);
});

Deno.test("a plugin module is loaded over HTTP where importing from that host is allowed", () => {
  return passes("remote_plugin", ["--allow-net=127.0.0.1", "--allow-import=127.0.0.1"]);
});

Deno.test("the openai client and the AI SDK talk to a running server as they are", () => {
  return passes("openai_client", ["--allow-read", "--allow-net=127.0.0.1", "--allow-env", "--allow-sys"]);
});

Deno.test("neither configuration nor lock file makes everybody install the runtimes of a few", async () => {
  for (const file of ["deno.json", "deno.lock"]) {
    assertNotMatch(
      await Deno.readTextFile(new URL(file, root)),
      /onnxruntime|@huggingface\/transformers|npm:openai|@ai-sdk/,
    );
  }
});

Deno.test("createOnnxEncoder() says how to install its runtime where it is missing", async () => {
  const cache = await Deno.makeTempDir();
  try {
    const script = `import { createOnnxEncoder } from "./encoders/onnx.ts";
      await createOnnxEncoder({ model: new Uint8Array(), mean: [0, 0, 0], std: [1, 1, 1] })
        .catch((error) => console.log(error.name + ": " + error.message));`;
    const file = new URL("eval.ts", `file://${cache}/`);
    await Deno.writeTextFile(file, script.replace("./encoders", new URL("encoders", root).href));
    const { code, output } = await deno(["run", "--no-lock", "--no-config", "--cached-only", file.href], {
      DENO_DIR: cache,
    });
    assertEquals(code, 0, output);
    const hint = `"deno cache npm:onnxruntime-web@1.30.0" installs it`;
    assertMatch(output, new RegExp(`^ConfigError: Cannot import "npm:onnxruntime-web@1.30.0": .*; ${hint}\\n$`));
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});
