import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { formatHubName, isRemoteName, parseHubName } from "../../data/hub/hub_name.ts";

Deno.test("parseHubName() and formatHubName() are each other's inverse", () => {
  const names: [string, ReturnType<typeof parseHubName>][] = [
    ["hf:a/b/c.bin", { repository: "a/b", revision: "main", path: "c.bin" }],
    ["hf:a/b-1.2_c@v1.0/d/e.json", { repository: "a/b-1.2_c", revision: "v1.0", path: "d/e.json" }],
    ["hf:a/b@refs%2Fpr%2F7/x", { repository: "a/b", revision: "refs/pr/7", path: "x" }],
    ["hf:a/b", { repository: "a/b", revision: "main", path: "" }],
    ["hf:a/b@v2", { repository: "a/b", revision: "v2", path: "" }],
  ];
  for (const [name, parts] of names) {
    assertEquals(parseHubName(name), parts);
    assertEquals(formatHubName(parts), name);
  }
});

Deno.test("parseHubName() says how a name is written", () => {
  for (const name of ["hf:model.bin", "hf:", "hf:/b/c", "a/b/c", "hf:a/b@", "hf:a/b@v 1/c"]) {
    assertThrows(() => parseHubName(name), ConfigError, "is named hf:OWNER/REPOSITORY[@REVISION]/PATH");
  }
  assertThrows(() => parseHubName("hf:a/b@%/c"), ConfigError, 'Cannot read "hf:a/b@%/c": "%" is no revision');
});

Deno.test("parseHubName() refuses paths that leave the repository or that a system reads otherwise", () => {
  for (const path of ["../x", "x/../../y", "x//y", "./x", "x/.", "x\\..\\y", "c:x", "x\0y", "x/", "/etc/passwd"]) {
    assertThrows(() => parseHubName(`hf:a/b/${path}`), ConfigError, "cannot be part of a path");
  }
});

Deno.test("isRemoteName() tells remote files from paths", () => {
  assertEquals(["hf:a/b/c", "https://x/y", "http://x"].map(isRemoteName), [true, true, true]);
  assertEquals(["./hf", "/a/b", "model.bin", "C:\\x", "npm:x"].map(isRemoteName), [false, false, false, false, false]);
});
