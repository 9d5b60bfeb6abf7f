/**
 * Fetches images that a request names by address, without being led to where the sender could not go: only hosts of a
 * list, only addresses of the public internet, at every redirect anew, and connected to the very address that was looked
 * at, so that a name that changes its mind between two look-ups gains nothing.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { isAddress, isPublicAddress } from "./address.ts";

/** Where images may be fetched from. */
export interface RemoteImageOptions {
  /** Hosts: `example.com`, `*.example.com` for those below it, `example.com:8443` for a port, `*` for all public ones. */
  readonly hosts: readonly string[];
  /** Most bytes of an image. */
  readonly maxBytes: number;
  /** Ends fetching. */
  readonly signal: AbortSignal;
  /** Which addresses may be connected to. Default those of the public internet. */
  readonly mayConnect?: ((address: string) => boolean) | undefined;
  /** The addresses of a host's name. Default: those that the system finds. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
}

/** Most redirects that are followed. */
const maxRedirects = 3;

/** Milliseconds that all of it may take. */
const patience = 15_000;

/**
 * Fetches an image.
 *
 * @throws {ImageError} saying why it cannot be fetched; the address is not told again
 */
export async function fetchRemoteImage(address: string, options: RemoteImageOptions): Promise<Uint8Array> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(patience)]);
  let url = parseUrl(address);
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    checkHost(url, options);
    const { next, bytes } = await request(url, { ...options, signal });
    if (bytes !== undefined) return bytes;
    url = parseUrl(new URL(next!, url).href);
  }
  throw new ImageError(`its address leads from one to another more than ${maxRedirects} times`);
}

function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new ImageError("its address is none of the Web");
  if (url.username !== "" || url.password !== "") throw new ImageError("its address holds a password");
  return url;
}

function checkHost(url: URL, { hosts, mayConnect = isPublicAddress }: RemoteImageOptions): void {
  const [name, place] = [url.hostname.replace(/\.$/, ""), url.host.replace(/\.(?=:|$)/, "")];
  const allowed = hosts.some((host) => {
    if (host === "*") return url.port === "";
    if (host.startsWith("*.")) return name.endsWith(host.slice(1)) && url.port === "";
    return host.toLowerCase() === place;
  });
  if (!allowed) throw new ImageError("its host is not among those that images are fetched from");
  if (isAddress(url.hostname) && !mayConnect(url.hostname)) throw notPublic();
}

function notPublic(): ImageError {
  return new ImageError("its address is not one of the public internet");
}

/** What comes of one request: where it leads to, or the image. */
interface Outcome {
  readonly next?: string;
  readonly bytes?: Uint8Array;
}

async function request(url: URL, options: RemoteImageOptions): Promise<Outcome> {
  const { signal, maxBytes, mayConnect = isPublicAddress, resolve: find = addressesOf } = options;
  const { get } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
  return await new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(error instanceof ImageError || signal.aborted && !isTimeout(signal) ? error : unreachable(signal));
      asked.destroy();
    };
    const asked = get(url, {
      signal,
      agent: false,
      headers: { accept: "image/*" },
      lookup: (host, { all }, done) => {
        find(host).then((addresses) => {
          if (!addresses.every(mayConnect)) throw notPublic();
          const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
          const [first] = found;
          if (first === undefined) throw unreachable(signal);
          if (all) done(null, found);
          else done(null, first.address, first.family);
        }).catch((error) => done(error, "", 4));
      },
    }, (response) => {
      const { statusCode = 0, headers } = response;
      const peer = response.socket.remoteAddress;
      if (peer !== undefined && !mayConnect(peer)) return fail(notPublic());
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        resolve({ next: headers.location });
        return void asked.destroy();
      }
      if (statusCode !== 200) return fail(new ImageError(`its host answers ${statusCode}`));
      const chunks: Uint8Array[] = [];
      let length = 0;
      response.on("data", (chunk: Uint8Array) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > maxBytes) fail(new ImageError(`it has more than the ${maxBytes} bytes allowed`));
      });
      response.on("error", fail);
      response.on(
        "end",
        () => void new Blob(chunks as Uint8Array<ArrayBuffer>[]).bytes().then((bytes) => resolve({ bytes }), fail),
      );
    });
    asked.on("error", fail);
  });
}

async function addressesOf(host: string): Promise<string[]> {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function isTimeout({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/** Says no more than that, for what a network answers is not for everybody. */
function unreachable(signal: AbortSignal): ImageError {
  return new ImageError(isTimeout(signal) ? "its host takes too long" : "its host cannot be reached");
}
