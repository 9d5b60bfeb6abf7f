import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { formatBytes } from "../../data/hub/bytes.ts";
import { findCached, listCache, removeCached } from "../../data/hub/cache.ts";
import { cacheDirectory } from "../../data/hub/cache_directory.ts";
import type { FileStore } from "../../data/hub/file_store.ts";
import { urlPath } from "../../data/hub/layout.ts";
import { createMemoryStore } from "../../data/hub/memory_store.ts";
import { createFileStore } from "../../sdk/file_store.ts";

async function put(store: FileStore, path: string, length: number): Promise<void> {
  const writer = await store.append(path, 0);
  await writer.write(new Uint8Array(length));
  await writer.close();
}

/** A cache as this library and the hub's own clients leave it. */
async function filledStore(): Promise<FileStore> {
  const store = createMemoryStore();
  await put(store, "models--a--b/refs/main", 40);
  await put(store, "models--a--b/snapshots/c1/x.bin", 100);
  await put(store, "models--a--b/snapshots/c2/x.bin", 110);
  await put(store, "models--a--b/snapshots/c2/sub/y.json", 7);
  await put(store, "models--a--b/.no_exist/c2/z.json", 0);
  await put(store, "models--a--b/blobs/0123", 110);
  await put(store, "models--a--b/partial/snapshots/c2/w.bin/free-1", 30);
  await put(store, "models--c--d/snapshots/c3/x.bin", 1);
  await put(store, await urlPath(new URL("https://host/m.onnx?x=1")), 5);
  await put(store, "version.txt", 1);
  return store;
}

Deno.test("listCache() counts whole and unfinished files by repository and URL", async () => {
  assertEquals(await listCache(await filledStore()), [
    { name: "a/b", files: 3, bytes: 217, unfinished: 30 },
    { name: "c/d", files: 1, bytes: 1, unfinished: 0 },
    { name: "https://host/m.onnx?x=1", files: 1, bytes: 5, unfinished: 0 },
  ]);
  assertEquals(await listCache(createMemoryStore()), []);
});

Deno.test("removeCached() removes a repository, a file in all revisions, or a URL, and nothing else", async () => {
  const store = await filledStore();
  await removeCached(store, "hf:a/b/x.bin");
  assertEquals((await listCache(store))[0], { name: "a/b", files: 1, bytes: 7, unfinished: 30 });
  await removeCached(store, "hf:a/b/w.bin");
  assertEquals((await listCache(store))[0], { name: "a/b", files: 1, bytes: 7, unfinished: 0 });
  await removeCached(store, "https://host/m.onnx?x=1");
  await removeCached(store, "a/b");
  assertEquals((await store.list("")).map(({ path }) => path), ["models--c--d/snapshots/c3/x.bin", "version.txt"]);
  assertEquals(await findCached(store, "a/b"), []);
  await assertRejects(() => removeCached(store, "../x"), ConfigError);
});

Deno.test("urlPath() tells long URLs apart and stays short", async () => {
  const [one, two] = await Promise.all(
    ["1", "2"].map((end) => urlPath(new URL(`https://h/${"x".repeat(900)}?${end}`))),
  );
  assert(one !== two);
  assert(one!.split("/").every((part) => part.length < 200), one);
});

Deno.test("cacheDirectory() prefers what is named, then the hub's cache, then the system's", () => {
  const on = (os: string, variables: Record<string, string>) => cacheDirectory({ os, env: (name) => variables[name] });
  const home = { HOME: "/users/me" };
  assertEquals(on("linux", { ...home, MINIMIND_CACHE: "/m", HF_HOME: "/hf" }), "/m");
  assertEquals(on("linux", { ...home, HF_HUB_CACHE: "/hub", HF_HOME: "/hf" }), "/hub");
  assertEquals(on("linux", { ...home, HF_HOME: "/hf/" }), "/hf/hub");
  assertEquals(on("linux", { ...home, XDG_CACHE_HOME: "/xdg" }), "/xdg/minimind");
  assertEquals(on("linux", home), "/users/me/.cache/minimind");
  assertEquals(on("darwin", home), "/users/me/Library/Caches/minimind");
  assertEquals(on("windows", { LOCALAPPDATA: "C:\\Users\\me\\Local" }), "C:\\Users\\me\\Local\\minimind\\cache");
  assertEquals(on("linux", {}), undefined);
});

Deno.test("formatBytes() rounds to the next unit", () => {
  const amounts = [0, 999, 1000, 999_949, 999_950, 598_641_023, 5e15].map(formatBytes);
  assertEquals(amounts, ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "598.6 MB", "5000.0 TB"]);
});

for (const kind of ["memory", "file"] as const) {
  Deno.test(`a ${kind} store does what a download asks of it`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const store = kind === "memory" ? createMemoryStore() : createFileStore(`${folder}/deep/er`);
      assertEquals([await store.stat("a/b"), await store.list("a"), await store.list("")], [undefined, [], []]);
      assertEquals([await store.rename("a/b", "c"), await store.touch("a/b")], [false, false]);
      await store.remove("a");
      await put(store, "a/b", 10);
      const writer = await store.append("a/b", 3);
      await writer.write(new Uint8Array([1, 2]));
      await writer.write(new Uint8Array([3]));
      await writer.close();
      assertEquals([...await store.read("a/b")], [0, 0, 0, 1, 2, 3]);
      assertEquals(await store.sha256("a/b"), "e6f8dcca348fc0164867c7c7b6c304a065054fa6abe50f085bbf1c81c104bcd7");
      await put(store, "a/c/d", 1);
      assertEquals([await store.rename("a/b", "a/c/d"), await store.touch("a/c/d")], [true, true]);
      const [found, ...others] = await store.list("a");
      assertEquals([found?.path, found?.size, others], ["a/c/d", 6, []]);
      assert(Math.abs(Date.now() - found!.modified) < 60_000);
      await store.remove("a");
      assertEquals(await store.list(""), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("createFileStore() opens nothing outside its folder", () => {
  const store = createFileStore("store");
  for (const path of ["../x", "a/../../x", ".."]) assertThrows(() => store.locate(path), RangeError, "outside");
});

Deno.test("createFileStore() reads files that the hub's own clients link to, and removes their content too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = createFileStore(folder);
    await put(store, "models--a--b/blobs/0123", 4);
    await Deno.mkdir(`${folder}/models--a--b/snapshots/c1`, { recursive: true });
    await Deno.symlink("../../blobs/0123", `${folder}/models--a--b/snapshots/c1/x.bin`);
    assertEquals((await listCache(store)).map(({ bytes }) => bytes), [4]);
    await removeCached(store, "hf:a/b/x.bin");
    assertEquals(await store.list(""), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
