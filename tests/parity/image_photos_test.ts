import { assertEquals, assertGreater } from "@std/assert";
import { loadImage, parsePreprocessor, preprocess } from "../../data/image/mod.ts";
import photos from "../fixtures/images/photos.json" with { type: "json" };

const folder = new URL("../../../shared/data/minimind-v-eval/", import.meta.url).pathname;
const absent = await Deno.stat(folder).then(() => false, () => true);
if (absent) console.log("upstream's photos are not beside the project: their test is left out");

const clip = parsePreprocessor({ image_processor_type: "CLIPImageProcessor", size: 224, crop_size: 224 });
const siglip = parsePreprocessor({
  image_processor_type: "SiglipImageProcessor",
  size: { height: 256, width: 256 },
  resample: 2,
});

Deno.test({
  name: "photos give the pixels of Pillow and of both processors of transformers, bit for bit",
  ignore: absent,
  fn: async () => {
    assertGreater(Object.keys(photos).length, 10);
    for (const [name, expected] of Object.entries(photos)) {
      const image = await loadImage(folder + name, { readFile: Deno.readFile });
      const actual = {
        rgb: await sha256(image.data),
        clip: await sha256(preprocess(image, clip).values),
        siglip: await sha256(preprocess(image, siglip).values),
      };
      assertEquals(actual, expected, name);
    }
  },
});

async function sha256({ buffer, byteOffset, byteLength }: ArrayBufferView): Promise<string> {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
