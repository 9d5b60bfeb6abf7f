/**
 * `hono`: a server with the API of OpenAI, as a Hono app. Options are those of `createServer` that a config can write.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import type { ServeOptions } from "../serve/mod.ts";
import { OptionFields } from "./option_fields.ts";

/** Options of the `hono` server in a config. */
export type HonoPluginOptions = Omit<ServeOptions, "readFile" | "mayConnect" | "resolve">;

const counts = ["maxQueue", "timeoutMs", "graceMs", "pingMs", "maxBodyBytes", "bodyTimeoutMs"] as const;
const imageCounts = ["maxImages", "maxImageBytes", "maxPixels"] as const;
const lists = ["apiKeys", "corsOrigins", "hosts", "imageHosts"] as const;

/** The server. */
const plugin: Plugin<"server", HonoPluginOptions> = {
  contract: 1,
  kind: "server",
  name: "hono",
  summary: "The API of OpenAI, llama.cpp and Ollama over HTTP, as a Hono app",
  parseOptions(input): HonoPluginOptions {
    const keys = [...counts, ...imageCounts, ...lists, "shareFiles"];
    const fields = new OptionFields(input, { what: "options of hono", keys });
    const numbers = [...counts, ...imageCounts].filter((key) => fields.has(key));
    const texts = lists.filter((key) => fields.has(key));
    return Object.fromEntries([
      ...numbers.map((key) => [key, fields.integer(key, 1, key === "maxQueue" ? 0 : 1)] as const),
      ...texts.map((key) => [key, fields.texts(key)] as const),
      ["shareFiles", fields.boolean("shareFiles", false)] as const,
    ]);
  },
  async create(options, { readImage }) {
    // Imported here and not above: whoever serves nothing needs no Hono.
    const { createServer } = await import("../serve/mod.ts");
    return createServer({ ...options, readFile: readImage });
  },
};

export default plugin;
