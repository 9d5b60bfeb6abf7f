/**
 * The server but for its page: a Hono app over loaded models. A page may run it too, in a worker.
 *
 * @module
 */
import { Hono } from "hono";
import { cors } from "hono/cors";
import { routePath } from "hono/route";
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
import { ByteBudget } from "./request/read_json.ts";
import type { Serving } from "./serving.ts";

/** A server that is a Hono app, to be mounted in another one under any prefix: `mine.route("/ai", server.app)`. */
export interface HonoServer extends Server {
  /** The app. */
  readonly app: App;
}

/** Methods that a path has a route for. */
function methodsAt(app: App, path: string): readonly string[] {
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) => {
    const [routes] = app.router.match(method, path);
    return routes.some(([[, route]]) => route.method === method);
  });
  return methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
}

/** Makes a server without a model and a page; `addOpenRoutes` adds routes that need no key. */
export function createApi(options: ServeOptions, addOpenRoutes?: (app: App) => void): HonoServer {
  const metrics = new Metrics();
  const engine = new Engine(metrics, options);
  const reading = new ByteBudget(options.maxReadingBytes ?? 128 * 2 ** 20);
  const serving: Serving = { engine, metrics, options, reading };
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
  app.all("*", (context) => {
    const { method, path } = context.req;
    const base = routePath(context).length - "/*".length; // where another app has mounted this one
    const allow = methodsAt(app, path.slice(base));
    if (allow.length === 0) {
      throw new ApiError(`Cannot ${method} "${path}": there is no such address`, { status: 404 });
    }
    throw new ApiError(`Cannot ${method} "${path}": it takes ${allow.join(", ")}`, { status: 405, allow });
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
