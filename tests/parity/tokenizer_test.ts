import { assertEquals } from "@std/assert";
import { parseChatTemplate } from "../../data/chat_template.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";

/** Upstream's tokenizers, each with a few texts and chats as Hugging Face's own libraries encode them. */
const folder = new URL("../../../shared/data/minimind-tokenizer", import.meta.url).pathname;
const absent = await Deno.stat(folder).then(() => false, () => true);
if (absent) console.log("upstream's tokenizers are not beside the project: their tests are left out");

/** What was stored of them. */
interface Stored {
  readonly vocab_size: number;
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
  readonly chat: readonly {
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly kwargs: { readonly add_generation_prompt?: boolean; readonly open_thinking?: boolean };
    readonly text: string;
    readonly ids: readonly number[];
  }[];
}

for (const version of ["a857219", "head"]) {
  Deno.test({
    name: `upstream's tokenizer ${version} gives the ids, texts and chats that Hugging Face's libraries give`,
    ignore: absent,
    fn: async () => {
      const read = (file: string) => Deno.readTextFile(`${folder}/${version}/${file}`);
      const stored: Stored = JSON.parse(await read("golden.json"));
      const config = await read("tokenizer_config.json");
      const tokenizer = await parseTokenizer({ tokenizer: await read("tokenizer.json"), config });
      const template = await parseChatTemplate(config);
      assertEquals(tokenizer.vocabulary, stored.vocab_size);
      for (const { text, ids, decoded } of stored.cases) {
        assertEquals([...tokenizer.encode(text)], ids);
        assertEquals(tokenizer.decode(ids), decoded);
      }
      for (const { messages, kwargs, text, ids } of stored.chat) {
        const options = { addGenerationPrompt: kwargs.add_generation_prompt, openThinking: kwargs.open_thinking };
        const rendered = template.render(messages.map((message) => ({ ...message })), options);
        assertEquals(rendered, text);
        assertEquals([...tokenizer.encode(rendered)], ids);
      }
    },
  });
}
