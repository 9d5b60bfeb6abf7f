import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHub } from "../../data/hub/mod.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { bytesOf, commit, HubServer } from "./hub_server.ts";

const door = new URL("../../mod.ts", import.meta.url).href;

/** Runs `minimind cache` with the permissions that it takes. */
async function cache(args: string[], env: Record<string, string> = {}): Promise<{
  code: number;
  stdout: string;
  stderr: string;
}> {
  const folder = env["MINIMIND_CACHE"] || args[args.indexOf("--cache-dir") + 1] || ".";
  const allowed = ["--allow-env=MINIMIND_CACHE", "--allow-read", `--allow-write=${folder}`];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...allowed, door, "cache", ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A cache with files of two repositories. */
async function filledCache(): Promise<string> {
  const files = { "mini/mind/a.bin": bytesOf(1500), "mini/mind/b.json": bytesOf(200), "other/one/c.bin": bytesOf(50) };
  await using server = new HubServer(files);
  const folder = await Deno.makeTempDir();
  const hub = createHub({ store: createFileStore(folder), endpoint: server.endpoint });
  await hub.download(Object.keys(files).map((name) => `hf:${name}`));
  return folder;
}

Deno.test("minimind cache ls shows names, files, sizes and the total", async () => {
  const folder = await filledCache();
  try {
    const { code, stdout, stderr } = await cache(["ls"], { MINIMIND_CACHE: folder });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.split("\n"), [
      "NAME       FILES        SIZE",
      "mini/mind      2      1.7 kB",
      "other/one      1        50 B",
      `3 files, 1.8 kB in ${folder}`,
      "",
    ]);
    const json = await cache(["ls", "--json", "--cache-dir", folder]);
    assertEquals(JSON.parse(json.stdout), {
      folder,
      entries: [
        { name: "mini/mind", files: 2, bytes: 1700, unfinished: 0 },
        { name: "other/one", files: 1, bytes: 50, unfinished: 0 },
      ],
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("minimind cache rm removes what is named, with --yes and never without asking", async () => {
  const folder = await filledCache();
  try {
    const at = ["--cache-dir", folder];
    const unasked = await cache(["rm", "mini/mind", ...at]);
    assertEquals([unasked.code, unasked.stdout], [1, ""]);
    assertMatch(unasked.stderr, /^minimind: Cannot remove mini\/mind \(\d files, .* without asking, .*: give --yes\n$/);

    const unknown = await cache(["rm", "mini/mimd", "--yes", ...at]);
    assertMatch(unknown.stderr, /^minimind: Cannot remove "mini\/mimd": it is not in .*; see cache ls\n$/);

    const file = await cache(["rm", "hf:mini/mind/a.bin", "--yes", ...at]);
    assertEquals([file.code, file.stdout], [0, `Removed hf:mini/mind/a.bin (1 file, 1.5 kB) from ${folder}\n`]);
    assertStringIncludes((await cache(["ls", ...at])).stdout, `2 files, 250 B in ${folder}`);

    assertEquals((await cache(["rm", "mini/mind", "--yes", ...at])).code, 0);
    assertEquals((await cache(["rm", "--all", "--yes", ...at])).code, 0);
    assertEquals((await cache(["ls", ...at])).stdout, `0 files, 0 B in ${folder}\n`);
    assertMatch((await cache(["rm", "minimind-3v", "--yes", ...at])).stderr, /nothing of it is in/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("minimind cache rm removes a model by its name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = createFileStore(folder);
    for (
      const path of [
        `models--jingyaogong--minimind-3v-pytorch/snapshots/83ae67a06ec29dc1acf2294d8edacbdef12f4013/sft_vlm_768.pth`,
        `models--jingyaogong--minimind-3v-pytorch/snapshots/83ae67a06ec29dc1acf2294d8edacbdef12f4013/other.pth`,
        `models--jingyaogong--minimind-3v/snapshots/${commit}/tokenizer.json`,
      ]
    ) {
      const writer = await store.append(path, 0);
      await writer.write(bytesOf(10));
      await writer.close();
    }
    const { code, stdout } = await cache(["rm", "minimind-3v", "--yes", "--cache-dir", folder]);
    assertEquals([code, stdout], [0, `Removed minimind-3v (2 files, 20 B) from ${folder}\n`]);
    assertEquals((await store.list("")).map(({ path }) => path.split("/").at(-1)), ["other.pth"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("minimind cache says how it is used, and where it looks for its folder", async () => {
  const wrong = await cache(["list", "--cache-dir", "/tmp"]);
  assertEquals(wrong.stderr, 'minimind: Cannot run "cache list": there are cache ls and cache rm NAME…\n');
  const nowhere = await cache(["ls"], { MINIMIND_CACHE: "" });
  assertMatch(
    nowhere.stderr,
    /^minimind: Cannot find the cache folder: name it with --cache-dir or MINIMIND_CACHE, or /,
  );
});
