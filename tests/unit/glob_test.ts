import { assertEquals } from "@std/assert";
import { globPattern } from "../../core/glob.ts";

Deno.test("globPattern() matches whole names, * any characters, everything else itself", () => {
  const matches = (glob: string, name: string) => globPattern(glob).test(name);
  assertEquals(matches("vision_proj.*", "vision_proj.mlp.0.weight"), true);
  assertEquals(matches("vision_proj.*", "model.vision_proj.mlp.0.weight"), false);
  assertEquals(matches("vision_proj.*", "vision_projXmlp"), false);
  assertEquals(matches("*.bias", "a.b.bias"), true);
  assertEquals(matches("a.*.c", "a.b.b.c"), true);
  assertEquals(matches("a", "ab"), false);
  assertEquals(matches("[a](b)+?$", "[a](b)+?$"), true);
});
