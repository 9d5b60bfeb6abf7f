/**
 * Who may call: by which name, from which page, with which key.
 *
 * @module
 */
import { ApiError } from "./api_error.ts";
import type { Middleware } from "./hono.ts";
import { Keys } from "./keys.ts";
import type { ServeOptions } from "./options.ts";

/** Most characters of all headers. */
const maxHeaders = 16 * 1024;

/** Refuses callers that use another name for the server, come from another page, or send too much along. */
export function guardCaller({ corsOrigins = [], hosts }: ServeOptions): Middleware {
  return async ({ req }, next) => {
    checkHeaders(req.raw.headers);
    const host = req.header("host") ?? new URL(req.url).host;
    checkHost(hosts, host);
    checkOrigin(req.header("origin"), { host, corsOrigins });
    await next();
  };
}

/** Refuses callers without one of the keys, if there are any. */
export function guardKey({ apiKeys = [] }: ServeOptions): Middleware {
  const keys = new Keys(apiKeys);
  return async ({ req }, next) => {
    const key = /^Bearer (.+)$/i.exec(req.header("authorization") ?? "")?.[1] ?? req.header("x-api-key");
    if (apiKeys.length > 0 && (key === undefined || !await keys.has(key))) {
      throw new ApiError(`Cannot answer: the key is ${key === undefined ? "missing" : "wrong"}`, {
        status: 401,
        code: "invalid_api_key",
      });
    }
    await next();
  };
}

function checkHeaders(headers: Headers): void {
  const length = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (length > maxHeaders) throw new ApiError("Cannot answer: the headers are too long", { status: 431 });
}

function checkHost(hosts: readonly string[] | undefined, host: string): void {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (hosts === undefined || hosts.includes(name)) return;
  throw new ApiError("Cannot answer: the server does not go by that name", { status: 403, code: "unknown_host" });
}

/** Pages of other origins send theirs along; a simple request would not even ask before. */
function checkOrigin(
  origin: string | undefined,
  { host, corsOrigins }: { readonly host: string; readonly corsOrigins: readonly string[] },
): void {
  if (origin === undefined || corsOrigins.includes("*") || corsOrigins.includes(origin)) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new ApiError("Cannot answer: pages of that origin may not call", { status: 403, code: "unknown_origin" });
}
