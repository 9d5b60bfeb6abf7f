import { assertEquals } from "@std/assert";
import { codecs, embedded } from "../../tools/embed_codecs.ts";

Deno.test("the embedded codecs are what tools/embed_codecs.ts makes of the packages", async () => {
  for (const codec of codecs) {
    for (const [path, text] of await embedded(codec)) {
      const written = await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
      assertEquals(written === text, true, path);
    }
  }
});
