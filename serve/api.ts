/**
 * The server but for its page: a Hono app over loaded models. A page may run it too, in a worker.
 *
 * @module
 */
import { Hono } from "hono";
import { cors } from "hono/cors";
import type { Server } from "../core/server.ts";
import { guardCaller, guardKey } from "./access.ts";
import { Engine } from "./answer/engine.ts";
import { ApiError, toApiError } from "./api_error.ts";
import type { App } from "./hono.ts";
import { Metrics } from "./metrics.ts";
import type { ServeOptions } from "./options.ts";
import { chatRoute } from "./routes/chat.ts";
import { completionsRoute } from "./routes/completions.ts";
import { embeddingsRoute } from "./routes/embeddings.ts";
import { addFileRoutes } from "./routes/files.ts";
import { addModelRoutes } from "./routes/models.ts";
import { addOllamaRoutes } from "./routes/ollama.ts";
import { responsesRoute } from "./routes/responses.ts";
import { addTokenRoutes } from "./routes/tokens.ts";
import type { Serving } from "./serving.ts";

/** A server that is a Hono app, to be mounted in another one under any prefix: `mine.route("/ai", server.app)`. */
export interface HonoServer extends Server {
  /** The app. */
  readonly app: App;
}

/** Makes a server without a model and a page; `addOpenRoutes` adds routes that need no key. */
export function createApi(options: ServeOptions, addOpenRoutes?: (app: App) => void): HonoServer {
  const metrics = new Metrics();
  const engine = new Engine(metrics, options);
  const serving: Serving = { engine, metrics, options };
  const app = new Hono();
  const { corsOrigins = [] } = options;
  app.use(async (context, next) => {
    await next();
    metrics.addResponse(context.res.status);
    context.res.headers.set("x-content-type-options", "nosniff");
  });
  if (corsOrigins.length > 0) app.use(cors({ origin: corsOrigins.includes("*") ? "*" : [...corsOrigins] }));
  app.use(guardCaller(options));
  const health = () => {
    engine.checkReady();
    return Response.json({ status: "ok" });
  };
  app.get("/health", health);
  app.get("/v1/health", health); // whoever looks after the server needs no key to ask whether it is well
  addOpenRoutes?.(app);
  app.use(guardKey(options));
  app.get("/metrics", () => {
    return new Response(metrics.toText(engine.gauges), { headers: { "content-type": "text/plain; version=0.0.4" } });
  });
  addModelRoutes(app, serving);
  addFileRoutes(app, serving);
  addTokenRoutes(app, serving);
  addOllamaRoutes(app, serving);
  app.post("/v1/chat/completions", chatRoute(serving));
  app.post("/v1/responses", responsesRoute(serving));
  app.post("/v1/embeddings", embeddingsRoute(serving));
  app.post("/v1/completions", completionsRoute(serving));
  app.all("*", ({ req }) => {
    throw new ApiError(`Cannot ${req.method} "${req.path}": there is no such address`, { status: 404 });
  });
  app.onError((error, { req: { raw } }) => {
    // Nobody reads it; the metrics tell it from a fault of ours.
    if (raw.signal.aborted) return new Response(null, { status: 499 });
    return toApiError(error).toResponse();
  });
  return {
    app,
    fetch: async (request) => await app.fetch(request),
    put: (model, name) => engine.put(model, name),
    [Symbol.asyncDispose]: () => engine.close(),
  };
}
