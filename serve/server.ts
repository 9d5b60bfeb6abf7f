/**
 * The server: the API over loaded models, and the page to chat with them.
 *
 * @module
 */
import { createApi, type HonoServer } from "./api.ts";
import type { ServeOptions } from "./options.ts";
import { addPageRoutes } from "./page/routes.ts";

export type { HonoServer } from "./api.ts";

/**
 * Makes a server without a model; it says that it is loading until `put` brings one.
 *
 * @example
 * ```ts ignore
 * const server = createServer({ apiKeys: ["secret"] });
 * await server.put(await loadModel("minimind-3v"));
 * Deno.serve(server.fetch); // or export default server, or serve(server) of @hono/node-server
 * ```
 */
export function createServer(options: ServeOptions = {}): HonoServer {
  return createApi(options, addPageRoutes);
}
