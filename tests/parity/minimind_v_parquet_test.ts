import { assertEquals } from "@std/assert";
import { openDataset, SampleLoader, SampleMaker } from "../../data/datasets/mod.ts";
import { ChatRenderer } from "../../data/chat/mod.ts";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";
import { openRandomAccess } from "../../sdk/random_access.ts";

/** Files in upstream's layout with real photos, written with pyarrow, and the hashes of the photos. */
const folder = new URL("../../../shared/data/", import.meta.url).pathname;
const absent = await Deno.stat(`${folder}minimind-v-parquet`).then(() => false, () => true);
if (absent) console.log("upstream's parquet files are not beside the project: their tests are left out");

/** What was stored of a row. */
interface Stored {
  readonly conversations: string;
  readonly image_sha256: string;
}

for (const name of ["mini_none_plain", "mini_snappy", "mini_zstd_v2", "multi_image_snappy"]) {
  Deno.test({
    name: `openDataset() reads ${name}.parquet: conversations, and images by their SHA-256`,
    ignore: absent,
    fn: async () => {
      const stored: Stored[] = JSON.parse(await Deno.readTextFile(`${folder}minimind-v-parquet/expected.json`));
      await using file = await openRandomAccess(`${folder}minimind-v-parquet/${name}.parquet`);
      const dataset = await openDataset(file, { name });
      const several = name.startsWith("multi");
      assertEquals(dataset.length, several ? 1 : stored.length);
      for (let i = 0; i < dataset.length; i++) {
        const row = await dataset.row(i);
        const hashes = await Promise.all((await row.images()).map(sha256));
        assertEquals(hashes, stored.slice(i, i + (several ? 2 : 1)).map(({ image_sha256 }) => image_sha256));
        if (!several) assertEquals(row.conversation.messages.map(textOf), contentsOf(stored[i]!));
      }
    },
  });
}

Deno.test({
  name: "every row of upstream's parquet becomes a sample with upstream's tokenizer, the text-only one without image",
  ignore: absent,
  fn: async () => {
    const read = (file: string) => Deno.readTextFile(`${folder}minimind-tokenizer/head/${file}`);
    const config = await read("tokenizer_config.json");
    const tokenizer = await parseTokenizer({ tokenizer: await read("tokenizer.json"), config });
    const placeholder = { marker: tokenizer.encode("<|image_pad|>")[0]!, tokens: 64 };
    const renderer = new ChatRenderer({ tokenizer, template: await parseChatTemplate(config), placeholder });
    const maker = new SampleMaker({ renderer, maxTokens: 450, readImage: sha256 });
    await using file = await openRandomAccess(`${folder}minimind-v-parquet/mini_snappy.parquet`);
    const loader = new SampleLoader(await openDataset(file, { name: "mini" }), { maker, shuffle: false });
    const samples = await Array.fromAsync(loader.epoch());
    assertEquals(samples.map(({ images }) => images.length), [...Array(25).fill(1), 0]);
    for (const { ids, labels, images } of samples) {
      for (const { span } of images) {
        const markers = ids.subarray(span.start, span.start + span.length);
        assertEquals([...markers], Array(64).fill(placeholder.marker));
      }
      const learnt = Int32Array.from(labels.filter((label) => label !== -100));
      assertEquals(tokenizer.decode(learnt).endsWith("<|im_end|>\n"), true);
    }
  },
});

function contentsOf({ conversations }: Stored): string[] {
  return (JSON.parse(conversations) as { content: string }[]).map(({ content }) => content);
}

function textOf(
  { content }: { readonly content: string | readonly { readonly type: string; readonly text?: string }[] },
) {
  return typeof content === "string" ? content : content.map(({ text = "<image>" }) => text).join("");
}

async function sha256(bytes: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))).toHex();
}
