import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../../core/errors.ts";
import { createRegistry } from "../../../plugins/mod.ts";

const text = `export default {
  contract: 1, kind: "encoder", name: "remote", summary: "from afar", parseOptions() {}, create() {},
};`;

Deno.test("Registry.resolve() loads a module over HTTP, by its URL or relative to a remote config", async () => {
  const headers = { "content-type": "text/javascript" };
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const found = new URL(request.url).pathname === "/plugins/remote.js";
    return found ? new Response(text, { headers }) : new Response("none", { status: 404 });
  });
  const registry = createRegistry();
  const base = `http://127.0.0.1:${server.addr.port}/plugins/minimind.json`;
  const use = new URL("remote.js", base).href;
  assertEquals((await registry.resolve("encoder", use, { base: "file:///" })).name, "remote");
  assertEquals((await registry.resolve("encoder", "./remote.js", { base })).name, "remote");
  const missing = () => registry.resolve("encoder", "./missing.js", { base });
  await assertRejects(missing, ConfigError, `Cannot load encoder "./missing.js": `);
});
