import { assertEquals } from "@std/assert";
import { base64ToBytes } from "../../data/image/data_uri.ts";
import { inflate } from "../../data/image/inflate.ts";
import { libwebp } from "../../data/image/libwebp.generated.ts";
import { mozjpeg } from "../../data/image/mozjpeg.generated.ts";
import { codecs, readModule } from "../../tools/embed_codecs.ts";

Deno.test("the embedded codecs are those of the packages, byte for byte", async () => {
  const embedded: Readonly<Record<string, typeof mozjpeg | typeof libwebp>> = { mozjpeg, libwebp };
  assertEquals(codecs.map(({ name }) => name).sort(), Object.keys(embedded).sort());
  for (const codec of codecs) {
    const { size, deflated } = embedded[codec.name]!;
    const module = await inflate([base64ToBytes(deflated)], { format: "deflate-raw", size });
    const packaged = await readModule(codec);
    assertEquals(size, packaged.length);
    assertEquals(module.every((byte, i) => byte === packaged[i]), true, codec.name);
  }
});
