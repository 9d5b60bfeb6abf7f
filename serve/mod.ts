/**
 * A server for loaded models, with the API of OpenAI and more, as a Hono app: it runs wherever `fetch` does.
 *
 * @module
 */
export { ApiError, type ApiErrorOptions } from "./api_error.ts";
export type { App } from "./hono.ts";
export type { ServeOptions } from "./options.ts";
export type { ImageRules } from "./request/images.ts";
export type { RemoteImageOptions } from "./request/remote_image.ts";
export { createServer, type HonoServer } from "./server.ts";
