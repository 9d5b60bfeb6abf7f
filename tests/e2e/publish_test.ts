import { assertArrayIncludes, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url);

/** Publishes the package to a registry that this test plays, and returns the files it was sent. */
async function publish(): Promise<Map<string, string>> {
  let upload: Uint8Array<ArrayBuffer> | undefined;
  await using registry = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    if (request.method === "POST") {
      upload = new Uint8Array(await request.arrayBuffer());
      return Response.json({ id: "1", status: "success", error: null });
    }
    const asksForVersion = new URL(request.url).pathname.endsWith(`/versions/${config.version}`);
    return Response.json({}, { status: asksForVersion ? 404 : 200 });
  });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--token", "none", "--allow-dirty", "--no-provenance", "--no-check"],
    cwd: root,
    env: { JSR_URL: `http://127.0.0.1:${registry.addr.port}/` },
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  const tar = new Response(new Blob([upload!]).stream().pipeThrough(new DecompressionStream("gzip")));
  return untar(await tar.bytes());
}

/** Files of a tar archive by path: headers of 512 bytes, sizes in octal, contents padded to 512. */
function untar(archive: Uint8Array): Map<string, string> {
  const files = new Map<string, string>();
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0.*$/s, "");
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    files.set(
      text(at, 100).replace(/^\.\//, ""),
      new TextDecoder().decode(archive.subarray(at + 512, at + 512 + size)),
    );
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

Deno.test("the published package holds the library and depends on the real standard library", async () => {
  const files = await publish();
  const paths = [...files.keys()].map((path) => path.replace(/^\//, ""));
  assertArrayIncludes(paths, ["mod.ts", "deno.json", "LICENSE", "README.md", "core/graph/graph.ts", "cli/main.ts"]);
  assertArrayIncludes(paths, Object.values(config.exports).map((path) => path.replace("./", "")));
  assertEquals(paths.filter((path) => /_test\.ts$|^(tests\/(?!conformance\/)|tools\/|bench\/|\.)/.test(path)), []);
  const text = [...files].filter(([path]) => path.endsWith(".ts")).map(([, content]) => content).join("\n");
  assertStringIncludes(text, `from "${config.imports["@std/cli"]}/parse-args"`);
  assertNotMatch(text, /from "@std\//);
});
