import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHub, type FileStore, HubError } from "../../data/hub/mod.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { bytesOf, commit, cutFile, HubServer } from "./hub_server.ts";

const root = new URL("../../", import.meta.url);
const weights = bytesOf(400_000);
const name = "hf:mini/mind/model.bin";
const place = `models--mini--mind/snapshots/${commit}/model.bin`;
const partials = `models--mini--mind/partial/snapshots/${commit}/model.bin`;

/** Downloads the model in a process of its own, with the permissions that it takes. */
function downloadElsewhere(server: HubServer, folder: string): Deno.ChildProcess {
  const code = `
    import { createHub } from ${JSON.stringify(new URL("data/hub/mod.ts", root).href)};
    import { createFileStore } from ${JSON.stringify(new URL("sdk/file_store.ts", root).href)};
    const hub = createHub({ store: createFileStore(${JSON.stringify(folder)}), endpoint: "${server.endpoint}" });
    await hub.download(["${name}"]);`;
  const source = `data:application/typescript,${encodeURIComponent(code)}`;
  const allowed = [`--allow-read=${folder}`, `--allow-write=${folder}`, "--allow-net=127.0.0.1"];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--config", new URL("deno.json", root).pathname, ...allowed, source],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function succeed(process: Deno.ChildProcess): Promise<void> {
  const { success, stderr } = await process.output();
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("two processes that download a file at once both end up with it, whole", async () => {
  await using server = new HubServer({ "mini/mind/model.bin": weights });
  const folder = await Deno.makeTempDir();
  try {
    await Promise.all([downloadElsewhere(server, folder), downloadElsewhere(server, folder)].map(succeed));
    const store = createFileStore(folder);
    assertEquals(await store.read(place), weights);
    assertEquals(await store.list("models--mini--mind/partial"), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a download goes on where a killed process stopped", async () => {
  await using server = new HubServer({ "mini/mind/model.bin": weights });
  const over = Promise.withResolvers<void>();
  server.interfere = (seen) =>
    seen.host === "cdn" ? cutFile(seen, weights, { after: 200_000, until: over.promise }) : undefined;
  const folder = await Deno.makeTempDir();
  try {
    const store = createFileStore(folder);
    const process = downloadElsewhere(server, folder);
    let left = await store.list(partials);
    for (; left[0]?.size !== 200_000; left = await store.list(partials)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.kill("SIGKILL");
    await process.output();
    over.resolve();
    // Nobody waits here for the seconds after which it counts as abandoned.
    await Deno.utime(store.locate(left[0].path), new Date(0), new Date(0));
    server.interfere = () => undefined;
    await succeed(downloadElsewhere(server, folder));
    assertEquals([await store.read(place), server.ranges], [weights, [null, "bytes=200000-"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a download to a disk that is full fails clearly, before it starts and on the way", async () => {
  const folder = await Deno.makeTempDir();
  const mounted = await run("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", folder]);
  if (mounted !== "") return console.log(`not run: a small disk cannot be mounted here (${mounted})`);
  try {
    await using server = new HubServer({ "mini/mind/model.bin": weights });
    const disk = createFileStore(folder);
    const download = (store: FileStore) => createHub({ store, endpoint: server.endpoint }).download([name]);
    const early = await assertRejects(() => download(disk), HubError);
    assertMatch(early.message, /: 400.0 kB do not fit, .* has room for 1[0-3]\d\.\d kB; make room/);
    const late = await assertRejects(() => download({ ...disk, free: () => Promise.resolve(undefined) }), HubError);
    assertEquals(
      late.message,
      `Cannot store "${name}": ${folder} is full; make room or choose another cache folder, then try again; ` +
        `what has arrived is kept, so that it goes on from there`,
    );
    const [kept] = await disk.list(partials);
    assertEquals(await disk.read(kept!.path), weights.subarray(0, kept!.size));
    assertEquals(await disk.stat(place), undefined);
  } finally {
    await run("umount", [folder]);
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs a program and resolves to what it complains about. */
async function run(program: string, args: string[]): Promise<string> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  return success ? "" : new TextDecoder().decode(stderr).trim() || program;
}
