import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { createServer } from "../../serve/mod.ts";
import { Keys } from "../../serve/keys.ts";
import type { ServeOptions } from "../../serve/mod.ts";

/** Status of a request to a server without a model: 404 and 503 mean that it was let in. */
async function status(options: ServeOptions, headers: Record<string, string>, path = "/v1/nothing"): Promise<number> {
  const server = createServer(options);
  return (await server.fetch(new Request(`http://localhost:8080${path}`, { headers }))).status;
}

Deno.test("Keys.has() knows its keys to the last letter, and no others", async () => {
  const keys = new Keys(["first", "second"]);
  const given = ["first", "second", "", "firs", "first ", "First", "firstsecond", "\u0000"];
  assertEquals(await Promise.all(given.map((key) => keys.has(key))), given.map((_, i) => i < 2));
  assertEquals(await new Keys([]).has(""), false);
});

Deno.test("a request needs one of the keys, but not to ask for health", async () => {
  const options = { apiKeys: ["alpha", "beta"] };
  assertEquals(await status(options, {}), 401);
  for (const authorization of ["Bearer gamma", "Bearer ", "Basic alpha", "alpha", "Bearer alpha beta"]) {
    assertEquals(await status(options, { authorization }), 401);
  }
  for (
    const headers of [{ authorization: "Bearer alpha" }, { authorization: "bearer beta" }, { "x-api-key": "beta" }]
  ) {
    assertEquals(await status(options, headers), 404);
  }
  assertEquals(await status(options, {}, "/health"), 503);
  for (const path of ["/metrics", "/v1/models", "/props", "/v1/models/health"]) {
    assertEquals(await status(options, {}, path), 401);
  }
});

Deno.test("pages of other origins may not call unless they are named, simple requests included", async () => {
  for (const origin of ["https://evil.example", "null", "http://localhost:9090", "nonsense"]) {
    assertEquals(await status({}, { origin }), 403);
  }
  assertEquals(await status({}, { origin: "http://localhost:8080" }), 404);
  assertEquals(await status({ corsOrigins: ["https://a.example"] }, { origin: "https://a.example" }), 404);
  assertEquals(await status({ corsOrigins: ["https://a.example"] }, { origin: "https://b.example" }), 403);
  assertEquals(await status({ corsOrigins: ["*"] }, { origin: "https://b.example" }), 404);
});

Deno.test("a page that is named may ask before, without its key, and reads answers and errors", async () => {
  const server = createServer({ corsOrigins: ["https://a.example"], apiKeys: ["k"] });
  const ask = (method: string, headers: Record<string, string>) =>
    server.fetch(
      new Request("http://localhost/v1/models", { method, headers: { origin: "https://a.example", ...headers } }),
    );
  const before = await ask("OPTIONS", {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  });
  assertEquals([before.status, before.headers.get("access-control-allow-origin")], [204, "https://a.example"]);
  assertMatch(before.headers.get("access-control-allow-headers")!, /authorization/);
  const error = await ask("GET", {});
  assertEquals([error.status, error.headers.get("access-control-allow-origin")], [401, "https://a.example"]);
  const strange = await server.fetch(
    new Request("http://localhost/health", { headers: { origin: "https://b.example" } }),
  );
  assertEquals(strange.headers.get("access-control-allow-origin"), null);
  const any = await createServer({ corsOrigins: ["*"] }).fetch(
    new Request("http://localhost/health", { headers: { origin: "https://b.example" } }),
  );
  assertEquals(any.headers.get("access-control-allow-origin"), "*");
});

Deno.test("an empty key, as of a variable that is not set, lets nobody in: there is no such server", () => {
  for (const key of ["", "  "]) {
    assertThrows(() => createServer({ apiKeys: ["good", key] }), ConfigError, "one of them is empty");
  }
});

Deno.test("a server that knows its names is not called by others", async () => {
  const options = { hosts: ["localhost", "127.0.0.1", "[::1]"] };
  const open = ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"];
  for (const host of open) assertEquals(await status(options, { host }), 404);
  for (const host of ["evil.example:8080", "localhost.evil.example"]) {
    assertEquals(await status(options, { host }), 403);
  }
});

Deno.test("headers that are too long, unknown paths and wrong methods are refused in the form of errors", async () => {
  assertEquals(await status({}, { "x-long": "a".repeat(20_000) }), 431);
  const server = createServer();
  const wrong = [405, "invalid_request_error"], unknown = [404, "not_found_error"];
  for (
    const [method, path, expected] of [
      ["GET", "/v1/chat/completions", wrong],
      ["DELETE", "/v1/models", wrong],
      ["GET", "/../etc/passwd", unknown],
    ] as const
  ) {
    const response = await server.fetch(new Request(`http://localhost${path}`, { method }));
    assertEquals([response.status, (await response.json()).error.type], expected);
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  }
});
