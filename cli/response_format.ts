/**
 * The flag that gives answers a form.
 *
 * @module
 */
import type { ChatOptions, Json } from "../core/chat_events.ts";
import { schemaRule } from "../data/grammar/mod.ts";

/** The flag, for `parseFlags`. */
export const formatFlags = {
  "json-schema": {
    type: "string",
    value: "FILE|JSON",
    aliases: ["j"],
    summary: "Holds answers to a JSON schema: a file or its text; {} lets them be any JSON",
  },
} as const;

/**
 * The form that the flag asks for.
 *
 * @throws {TypeError} if the schema is no JSON
 * @throws {SchemaError} if answers cannot be held to it
 * @throws what reading the file throws
 */
export async function responseFormat(
  { "json-schema": given }: { readonly "json-schema": string | undefined },
): Promise<Pick<ChatOptions, "responseFormat">> {
  if (given === undefined) return {};
  const inline = given.trimStart().startsWith("{");
  const text = inline ? given : await Deno.readTextFile(given);
  let schema: Json;
  try {
    schema = JSON.parse(text) as Json;
  } catch (error) {
    throw new TypeError(`Cannot read ${inline ? "--json-schema" : `"${given}"`}: it is no JSON`, { cause: error });
  }
  schemaRule(schema); // a slip in it needs no model to be told
  return { responseFormat: { type: "json_schema", schema } };
}
