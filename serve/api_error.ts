/**
 * Errors as OpenAI's clients know them: `{ "error": { message, type, param, code } }`.
 *
 * @module
 */
import { ConfigError, ContextError, ImageError, PlaceholderError, SchemaError } from "../core/errors.ts";

/** What goes with an error. */
export interface ApiErrorOptions {
  /** Status of the response. Default 400. */
  readonly status?: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 429 | 431 | 500 | 503 | 504 | undefined;
  /** Kind of error. Default by the status. */
  readonly type?: string | undefined;
  /** The field of the request that is wrong. Default none. */
  readonly param?: string | undefined;
  /** A word that programs can go by. Default none. */
  readonly code?: string | number | undefined;
  /** Seconds after which trying again may help. */
  readonly retryAfter?: number | undefined;
  /** Methods that the address takes. */
  readonly allow?: readonly string[] | undefined;
}

const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  429: "rate_limit_error",
  500: "server_error",
  503: "unavailable_error",
  504: "timeout_error",
};

/** An error whose message may be shown to whoever sent the request. */
export class ApiError extends Error {
  /** Name of the class. */
  override name = "ApiError";
  /** Status of the response. */
  readonly status: number;
  readonly #options: ApiErrorOptions;

  /** Takes the message, and what goes with it. */
  constructor(message: string, options: ApiErrorOptions = {}) {
    super(message);
    this.status = options.status ?? 400;
    this.#options = options;
  }

  /** The error as JSON. */
  get body(): { error: { message: string; type: string; param: string | null; code: string | number | null } } {
    const { type = types[this.status] ?? "invalid_request_error", param = null, code = null } = this.#options;
    return { error: { message: this.message, type, param, code } };
  }

  /** The error as a response. */
  toResponse(): Response {
    const { retryAfter, allow } = this.#options;
    const headers = new Headers({ "content-type": "application/json" });
    if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
    if (allow !== undefined) headers.set("allow", allow.join(", "));
    if (this.status === 401) headers.set("www-authenticate", "Bearer");
    return new Response(JSON.stringify(this.body), { status: this.status, headers });
  }
}

/** What chats call the fields that an error of the library may be about. */
const usualFields = { messages: "messages", responseFormat: "response_format" };

/**
 * What to tell of any error; `fields` are the names of the request's fields that it may be about. The library's errors about what a request holds are told as they are; of all others only
 * that there was one, for they may name files.
 */
export function toApiError(
  error: unknown,
  fields: { readonly messages: string; readonly responseFormat: string } = usualFields,
): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ContextError) return new ApiError(error.message, { code: "context_length_exceeded" });
  if (error instanceof ImageError) {
    return new ApiError(error.message, { param: fields.messages, code: "invalid_image" });
  }
  if (error instanceof SchemaError) {
    const param = error.message.startsWith("Cannot call tool") ? "tools" : fields.responseFormat;
    return new ApiError(error.message, { param, code: "invalid_schema" });
  }
  const tellable = [ConfigError, PlaceholderError, RangeError].some((kind) => error instanceof kind);
  // An engine's own RangeError, of a stack for instance, says something else.
  if (tellable && /^Cannot /.test((error as Error).message)) return new ApiError((error as Error).message);
  return new ApiError("Cannot answer: an error inside the server", { status: 500, code: "internal_error" });
}
