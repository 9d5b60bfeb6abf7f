import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  createHub,
  createMemoryStore,
  type DownloadProgress,
  type FileStore,
  HubError,
  type HubOptions,
} from "../../data/hub/mod.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { bytesOf, commit, cutFile, HubServer, refuse, sendFile } from "./hub_server.ts";

const weights = bytesOf(400_000);
const config = bytesOf(300, 2);
const name = "hf:mini/mind/model.bin";
const place = `models--mini--mind/snapshots/${commit}/model.bin`;
const partials = `models--mini--mind/partial/snapshots/${commit}/model.bin`;

function startServer(): HubServer {
  return new HubServer({ "mini/mind/model.bin": weights, "mini/mind/config.json": config });
}

/** A hub client that does not wait long. */
function client(server: { readonly endpoint: string }, options: Partial<HubOptions> = {}) {
  return createHub({ store: createMemoryStore(), endpoint: server.endpoint, retryDelay: 5, ...options });
}

async function message(run: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(run, HubError)).message;
}

/** Leaves the first bytes of the model as if an earlier download had stopped there. */
async function leavePartial(store: FileStore, bytes: Uint8Array): Promise<void> {
  const writer = await store.append(`${partials}/free-1`, 0);
  await writer.write(bytes);
  await writer.close();
}

Deno.test("download() fetches, verifies and keeps files, with one progress up to a total known from the start", async () => {
  await using server = startServer();
  const hub = client(server);
  const progress: DownloadProgress[] = [];
  const onProgress = (step: DownloadProgress) => progress.push(step);
  const names = [name, "hf:mini/mind/config.json"];
  const files = await hub.download(names, { onProgress });
  assertEquals(files.get(name), { path: place, location: hub.store.locate(place) });
  assertEquals(await hub.store.read(place), weights);
  assertEquals(await hub.store.read(files.get(names[1]!)!.path), config);

  assertEquals(new Set(progress.map(({ total }) => total)), new Set([weights.length + config.length]));
  const loaded = progress.map((step) => step.loaded);
  assertEquals(loaded, loaded.toSorted((a, b) => a - b));
  assertEquals([loaded[0], loaded.at(-1)], [0, weights.length + config.length]);
  assertEquals(new Set(progress.map(({ phase }) => phase)), new Set(["downloading", "checking"]));

  const requests = server.seen.length;
  await hub.download(names, { onProgress: () => assert(false, "nothing is downloaded any more") });
  assertEquals(server.seen.length, requests, "what is in the cache is used without asking");
});

Deno.test("download() goes on where the connection was cut, and only if the file is still the same", async () => {
  await using server = startServer();
  let cuts = 0;
  server.interfere = (seen) =>
    seen.host === "cdn" && cuts++ < 2 ? cutFile(seen, weights, { after: 100_000 }) : undefined;
  const { store, download } = client(server);
  await download([name]);
  assertEquals(await store.read(place), weights);
  assertEquals(server.ranges, [null, "bytes=100000-", "bytes=200000-"]);
  const tag = `"400000-${weights[0]}"`;
  const conditions = server.seen.filter(({ host }) => host === "cdn").map(({ headers }) => headers.get("if-range"));
  assertEquals(conditions, [null, tag, tag]);
});

Deno.test("download() goes on in the next call, from the byte where an earlier one gave up", async () => {
  await using server = startServer();
  server.interfere = (seen) => seen.host === "cdn" ? cutFile(seen, weights, { after: 150_000 }) : undefined;
  const store = createMemoryStore();
  assertMatch(
    await message(() => client(server, { store, retries: 0 }).download([name])),
    /^Cannot download "hf:mini\/mind\/model.bin": the connection (ended|broke.*), at 150.0 kB of 400.0 kB$/,
  );
  assertEquals(await store.stat(place), undefined);

  server.interfere = () => undefined;
  const progress: DownloadProgress[] = [];
  await client(server, { store }).download([name], { onProgress: (step) => progress.push(step) });
  assertEquals(server.ranges.at(-1), "bytes=150000-");
  assertEquals([progress[0]?.loaded, progress[0]?.total], [150_000, 400_000]);
  assertEquals(await store.read(place), weights);
  assertEquals(await store.list("models--mini--mind/partial"), []);
});

Deno.test("download() starts over when the server ignores the range, or the bytes kept are too many", async () => {
  await using server = startServer();
  server.interfere = (seen) => seen.host === "cdn" && seen.headers.has("range") ? new Response(weights) : undefined;
  const store = createMemoryStore();
  await leavePartial(store, weights.subarray(0, 1000));
  await client(server, { store }).download([name]);
  assertEquals([await store.read(place), server.ranges], [weights, ["bytes=1000-"]]);

  server.interfere = () => undefined;
  await store.remove(place);
  await leavePartial(store, bytesOf(500_000));
  await client(server, { store }).download([name]);
  assertEquals([await store.read(place), server.ranges], [weights, ["bytes=1000-", null]]);
});

Deno.test("download() refuses a file with the wrong checksum and keeps nothing of it", async () => {
  await using server = startServer();
  server.interfere = (seen) => seen.host === "cdn" ? sendFile(seen, bytesOf(400_000, 3)) : undefined;
  const { store, download } = client(server);
  const said = await message(() => download([name]));
  assertStringIncludes(said, `Cannot accept "${name}": its checksum is wrong`);
  assertStringIncludes(said, "try again, or set HF_ENDPOINT to another mirror");
  assertEquals((await store.list("")).map(({ path }) => path), ["models--mini--mind/refs/main"]);

  server.interfere = (seen) => seen.host === "cdn" ? sendFile(seen, bytesOf(300, 3)) : undefined;
  await assertRejects(() => download(["hf:mini/mind/config.json"]), HubError, "its checksum is wrong");
});

Deno.test("download() tells wrong sizes before and after the bytes", async () => {
  await using server = startServer();
  server.interfere = (seen) => seen.host === "cdn" ? sendFile(seen, bytesOf(400_001)) : undefined;
  const { download } = client(server);
  assertStringIncludes(await message(() => download([name])), "it has 400001 bytes, expected 400000");
  assertStringIncludes(
    await message(() => download([{ name, size: 5 }])),
    "has one of 400000 bytes, expected 5",
  );
});

Deno.test("download() drops damaged bytes of an earlier call and fetches the file anew", async () => {
  await using server = startServer();
  const store = createMemoryStore();
  await leavePartial(store, bytesOf(1000, 7));
  await client(server, { store }).download([name]);
  assertEquals([await store.read(place), server.ranges], [weights, ["bytes=1000-", null]]);
});

Deno.test("download() says what to do about 401, 403 and 404", async () => {
  await using server = startServer();
  const open = client(server);
  const known = client(server, { token: "hf_secret" });
  const say = (hub: typeof open, file: string) => message(() => hub.download([file]));
  const host = new URL(server.endpoint).host;

  assertEquals(
    await say(open, "hf:no/such/file"),
    `Cannot download "hf:no/such@main": 401 from ${host}; the repository is private or does not exist: check the ` +
      `name, and whether the mirror ${server.endpoint} has it, or set HF_TOKEN to a token that may read it`,
  );
  assertMatch(await say(known, "hf:no/such/file"), /404 from .*; there is no such repository, revision or file: check/);
  assertMatch(await say(open, "hf:mini/mind@v9/x"), /^Cannot download "hf:mini\/mind@v9": 404 .* no such revision/);
  assertEquals(
    await say(open, "hf:mini/mind/x"),
    `Cannot download "hf:mini/mind/x": hf:mini/mind has no such file; check the path`,
  );
  for (
    const [status, code, hub, expected] of [
      [401, "", known, "the token in HF_TOKEN is not valid, or the repository does not exist"],
      [403, "", known, "the token in HF_TOKEN may not read the repository"],
      [403, "", open, "set HF_TOKEN to a token that may read the repository"],
      [403, "GatedRepo", known, `accept the terms of the repository on ${server.endpoint}, then set HF_TOKEN`],
      [404, "EntryNotFound", open, "the repository has no such file: check the path"],
    ] as const
  ) {
    server.interfere = (seen) => seen.line.includes("/resolve/") ? refuse(status, code) : undefined;
    assertStringIncludes(await say(hub, name), `Cannot download "${name}": ${status} from ${host}; ${expected}`);
  }
  assert(!(await say(known, name)).includes("hf_secret"));
});

Deno.test("download() comes back after 429, 5xx and a signed address that has run out, but not for ever", async () => {
  await using server = startServer();
  const refusals = [429, 503, 500];
  server.interfere = (seen, earlier) => {
    const status = earlier.length % 2 === 0 ? refusals.shift() : undefined;
    if (status !== undefined) return new Response(null, { status, headers: { "retry-after": "0" } });
    const first = !earlier.some(({ host }) => host === "cdn");
    return seen.host === "cdn" && first ? new Response(null, { status: 403 }) : undefined;
  };
  const { store, download } = client(server);
  await download([name]);
  assertEquals([await store.read(place), refusals], [weights, []]);

  server.seen.length = 0;
  server.interfere = () => new Response(null, { status: 503 });
  const said = await message(() => client(server, { retries: 2 }).download([name]));
  assertMatch(said, /^Cannot download "hf:mini\/mind@main": 503 from .*; try again later \(3 attempts\)$/);
  assertEquals(server.seen.length, 3);
});

Deno.test("download() says which host it cannot reach", async () => {
  const endpoint = await (async () => {
    await using server = startServer();
    return server.endpoint;
  })();
  const said = await message(() => client({ endpoint }, { retries: 1 }).download([name]));
  assertStringIncludes(said, `Cannot reach "${new URL(endpoint).host}" for "hf:mini/mind@main"`);
  assertStringIncludes(said, "check the connection, or set HF_ENDPOINT to a mirror (2 attempts)");
});

Deno.test("download() reconnects when nothing arrives any more", async () => {
  await using server = startServer();
  const over = Promise.withResolvers<void>();
  server.interfere = (seen, earlier) =>
    seen.host === "cdn" && !earlier.some(({ host }) => host === "cdn")
      ? cutFile(seen, weights, { after: 70_000, until: over.promise })
      : undefined;
  const { store, download } = client(server, { stallTimeout: 200 });
  await download([name]);
  over.resolve();
  assertEquals([await store.read(place), server.ranges], [weights, [null, "bytes=70000-"]]);
});

Deno.test("download() sends the token to the hub and never to the host it redirects to", async () => {
  await using server = startServer();
  const elsewhere = `${server.cdn}/mini/mind/model.bin`;
  await client(server, { token: "hf_secret" }).download([name, elsewhere]);
  const tokens = (host: string) =>
    new Set(server.seen.filter((seen) => seen.host === host).map(({ headers }) => headers.get("authorization")));
  assertEquals([tokens("hub"), tokens("cdn")], [new Set(["Bearer hf_secret"]), new Set([null])]);
});

Deno.test("download() fails before it starts when the files do not fit", async () => {
  await using server = startServer();
  const store = createMemoryStore({ capacity: 100_000 });
  const said = await message(() => client(server, { store }).download([name, "hf:mini/mind/config.json"]));
  assertMatch(
    said,
    /^Cannot download "hf:mini\/mind\/model.bin" and 1 more: 400.3 kB do not fit, memory has room for /,
  );
  assertEquals(server.ranges, []);
});

Deno.test("download() keeps what has arrived when the disk fills up, and goes on when there is room", async () => {
  await using server = startServer();
  const disk = createMemoryStore();
  let room = 120_000;
  const full: FileStore = {
    ...disk,
    async append(path, at) {
      const writer = await disk.append(path, at);
      return {
        ...writer,
        write(chunk) {
          room -= chunk.length;
          if (room >= 0) return writer.write(chunk);
          return Promise.reject(Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }));
        },
      };
    },
  };
  const said = await message(() => client(server, { store: full }).download([name]));
  assertMatch(said, /^Cannot store "hf:mini\/mind\/model.bin": memory is full; make room or choose another cache/);
  assertMatch(said, /what has arrived is kept, so that it goes on from there$/);
  const [kept] = await disk.list(partials);
  assert(kept !== undefined && kept.size > 0 && kept.size <= 120_000);
  room = Infinity;
  await client(server, { store: full }).download([name]);
  assertEquals([await disk.read(place), server.ranges], [weights, [null, `bytes=${kept.size}-`]]);
});

Deno.test("download() offline uses the cache, and says what is missing and how to get it", async () => {
  await using server = startServer();
  const store = createMemoryStore();
  const offline = client(server, { store, offline: true });
  const missing = (where: string) =>
    `Cannot find "${name}" offline: it is not in the cache memory; run once without --offline, or put the file at ` +
    `memory:models--mini--mind/snapshots/${where}/model.bin`;
  assertEquals(await message(() => offline.download([name])), missing("main"));
  await client(server, { store }).download(["hf:mini/mind/config.json"]);
  const requests = server.seen.length;
  assertEquals(await message(() => offline.download([name])), missing(commit));
  assertEquals([...(await offline.download(["hf:mini/mind/config.json"])).keys()], ["hf:mini/mind/config.json"]);

  const byHand = await store.append(`models--other--one/snapshots/main/a.bin`, 0);
  await byHand.close();
  assertEquals((await offline.download(["hf:other/one/a.bin"])).size, 1);
  assertEquals(server.seen.length, requests);
});

Deno.test("download() ends with the signal's reason, keeps what has arrived and goes on from there", async () => {
  await using server = startServer();
  const over = Promise.withResolvers<void>();
  server.interfere = (seen) =>
    seen.host === "cdn" ? cutFile(seen, weights, { after: 50_000, until: over.promise }) : undefined;
  const store = createMemoryStore();
  const controller = new AbortController();
  const reason = new Error("enough");
  const onProgress = ({ loaded }: DownloadProgress) => loaded === 50_000 && controller.abort(reason);
  const { signal } = controller;
  assertEquals(await assertRejects(() => client(server, { store }).download([name], { signal, onProgress })), reason);
  over.resolve();
  server.interfere = () => undefined;
  await client(server, { store }).download([name]);
  assertEquals([await store.read(place), server.ranges], [weights, [null, "bytes=50000-"]]);
  const before = server.seen.length;
  await assertRejects(() => client(server).download([name], { signal: AbortSignal.abort(reason) }), Error, "enough");
  assertEquals(server.seen.length, before);
});

Deno.test("two downloads of a file at once fetch it once", async () => {
  await using server = startServer();
  const halfway = Promise.withResolvers<void>();
  server.interfere = (seen, earlier) =>
    seen.host === "cdn" && !earlier.some(({ host }) => host === "cdn")
      ? cutFile(seen, weights, { after: 200_000, until: halfway.promise })
      : undefined;
  const folder = await Deno.makeTempDir();
  try {
    const phases = new Set<string>();
    const [one, two] = [0, 1].map(() => client(server, { store: createFileStore(folder) }));
    const started = Promise.withResolvers<void>();
    const first = one!.download([name], { onProgress: ({ loaded }) => loaded > 0 && started.resolve() });
    await started.promise;
    const second = two!.download([name], {
      onProgress: ({ phase }) => {
        phases.add(phase);
        halfway.resolve();
      },
    });
    await Promise.all([first, second]);
    assert(phases.has("waiting"));
    assertEquals(server.ranges, [null, "bytes=200000-"]);
    assertEquals(await createFileStore(folder).read(place), weights);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("download() takes over what a process left that died, and leaves alone what another one writes", async () => {
  await using server = startServer();
  const folder = await Deno.makeTempDir();
  try {
    const store = createFileStore(folder);
    const writer = await store.append(`${partials}/8b1f`, 0);
    await writer.write(weights.subarray(0, 90_000));
    await writer.close();
    const signal = AbortSignal.timeout(600);
    await assertRejects(() => client(server, { store }).download([name], { signal }), DOMException, "timeout");
    assertEquals(server.ranges, []);
    const longAgo = new Date(Date.now() - 60_000);
    await Deno.utime(`${folder}/${partials}/8b1f`, longAgo, longAgo);
    await client(server, { store }).download([name]);
    assertEquals([await store.read(place), server.ranges], [weights, ["bytes=90000-"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("download() starts again with what is there when another process has taken over its file", async () => {
  await using server = startServer();
  const over = Promise.withResolvers<void>();
  server.interfere = (seen, earlier) =>
    seen.host === "cdn" && !earlier.some(({ host }) => host === "cdn")
      ? cutFile(seen, weights, { after: 80_000, until: over.promise })
      : undefined;
  const store = createMemoryStore();
  const started = Promise.withResolvers<void>();
  const onProgress = ({ loaded }: DownloadProgress) => loaded > 0 && started.resolve();
  const download = client(server, { store }).download([name], { onProgress });
  await started.promise;
  const [held] = await store.list(partials);
  await store.remove(held!.path);
  await leavePartial(store, weights.subarray(0, 30_000));
  over.resolve();
  await download;
  assertEquals([await store.read(place), server.ranges], [weights, [null, "bytes=80000-", "bytes=30000-"]]);
});

Deno.test("download() asks once for an optional file that does not exist", async () => {
  await using server = startServer();
  const { download } = client(server);
  const wanted = [{ name: "hf:mini/mind/chat_template.jinja", optional: true }, { name: "hf:mini/mind/config.json" }];
  assertEquals([...(await download(wanted)).keys()], ["hf:mini/mind/config.json"]);
  const requests = server.seen.length;
  assertEquals([...(await download(wanted)).keys()], ["hf:mini/mind/config.json"]);
  assertEquals(server.seen.length, requests);
});

Deno.test("download() asks nothing about a file of a fixed revision whose content is known", async () => {
  await using server = startServer();
  const { store, download } = client(server);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await download([{ name: `hf:mini/mind@${commit}/model.bin`, size: weights.length, sha256 }]);
  assertEquals(await store.read(place), weights);
  assertEquals(server.seen.map(({ host, line }) => `${host} ${line.split("/")[0]}`), ["hub GET ", "cdn GET "]);
});

Deno.test("download() keeps to the commit of a branch until it is told to refresh", async () => {
  await using server = startServer();
  const { store, download } = client(server);
  const note = await store.append("models--mini--mind/refs/main", 0);
  const old = "f".repeat(40);
  await note.write(new TextEncoder().encode(old));
  await note.close();
  assertMatch(await message(() => download([name])), new RegExp(`"hf:mini/mind@${old}": 404 .* no such revision`));
  assertEquals((await download([name], { refresh: true })).get(name)?.path, place);
  assertEquals((await download([name])).get(name)?.path, place);
});

Deno.test("download() keeps a file of a URL, and does not go on with one of which it knows no checksum", async () => {
  await using server = startServer();
  const url = `${server.cdn}/mini/mind/model.bin`;
  server.interfere = (seen) => seen.line.startsWith("GET") ? cutFile(seen, weights, { after: 10_000 }) : undefined;
  const store = createMemoryStore();
  await assertRejects(() => client(server, { store, retries: 1 }).download([url]), HubError, "at 20.0 kB of 400.0 kB");
  assertEquals([await store.list(""), server.ranges], [[], [null, "bytes=10000-"]]);
  server.interfere = () => undefined;
  const totals = new Set<number | undefined>();
  const file = (await client(server, { store }).download([url], { onProgress: ({ total }) => totals.add(total) })).get(
    url,
  );
  assertEquals([await store.read(file!.path), server.ranges.at(-1), totals], [weights, null, new Set([400_000])]);
  const requests = server.seen.length;
  await client(server, { store, offline: true }).download([url]);
  assertEquals(server.seen.length, requests);
});

Deno.test("createHub() serves a mirror below a path, and refuses what is no address", async () => {
  await using server = startServer();
  const store = createMemoryStore();
  const asked: string[] = [];
  const viaPath: typeof fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    asked.push(url.pathname);
    return fetch(url.href.replace("/mirror/hf", ""), init);
  };
  await createHub({ store, endpoint: `${server.endpoint}/mirror/hf/`, fetch: viaPath }).download([name]);
  assert(asked.length > 0 && asked.every((path) => path.startsWith("/mirror/hf/")), asked.join());
  const wrong = () => createHub({ store, endpoint: "hf-mirror.com" });
  assertThrows(wrong, HubError, 'Cannot use "hf-mirror.com" as the hub: it is no URL');
});
