import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { formatGenerationConfig, parseGenerationConfig } from "../../data/generation_config.ts";

Deno.test("parseGenerationConfig() takes Hugging Face's names and leaves the rest alone", () => {
  const document = { bos_token_id: 1, temperature: 0.7, top_p: 0.9, top_k: 50, max_new_tokens: 64 };
  assertEquals(parseGenerationConfig(document), { temperature: 0.7, topK: 50, topP: 0.9, maxNewTokens: 64 });
  assertEquals(parseGenerationConfig({ bos_token_id: 1, eos_token_id: 2 }), undefined);
  assertEquals(parseGenerationConfig({ do_sample: false, temperature: 0.7 }), { temperature: 0 });
});

Deno.test("parseGenerationConfig() reads what formatGenerationConfig() writes", () => {
  const settings = { temperature: 0.8, topK: 40, minP: 0.05, repetitionPenalty: 1.1, maxNewTokens: 12 };
  assertEquals(parseGenerationConfig(formatGenerationConfig(settings)), settings);
});

Deno.test("parseGenerationConfig() names a setting that is no number", () => {
  const { message } = assertThrows(() => parseGenerationConfig({ temperature: "warm" }), ConfigError);
  assertStringIncludes(message, "temperature");
});
