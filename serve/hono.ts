/**
 * The types of Hono that appear in what this folder gives.
 *
 * @module
 */
import type { Handler as HonoHandler, Hono, MiddlewareHandler } from "hono";

/** An app: routes, and `fetch`. */
export type App = Hono;

/** Answers the requests of a route. */
export type Handler = HonoHandler;

/** Stands before routes. */
export type Middleware = MiddlewareHandler;
