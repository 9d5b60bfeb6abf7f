/**
 * Images of a request: data URIs and base64, and with leave files and addresses of the Web.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { imageSize, type ReadFile } from "../../data/image/mod.ts";
import { base64ToBytes, isDataUri, readDataUri } from "../../data/image/data_uri.ts";
import { ApiError } from "../api_error.ts";
import { fetchRemoteImage, type RemoteImageOptions } from "./remote_image.ts";

/** Which images a request may have. */
export interface ImageRules extends Pick<RemoteImageOptions, "mayConnect" | "resolve"> {
  /** Most images. Default 8. */
  readonly maxImages?: number | undefined;
  /** Most bytes of a file. Default 20 MiB. */
  readonly maxImageBytes?: number | undefined;
  /** Most pixels. Default 25 million. */
  readonly maxPixels?: number | undefined;
  /** Reads what goes after `file://`; for instance of `openImageFolder`. Default: files are refused. */
  readonly readFile?: ReadFile | undefined;
  /** Hosts that images are fetched from; see {@link RemoteImageOptions.hosts}. Default none. */
  readonly imageHosts?: readonly string[] | undefined;
}

/** An image of a request: what it says, and where. */
export interface ImageReference {
  /** A data URI, base64, or an address. */
  readonly text: string;
  /** The field that holds it. */
  readonly place: string;
}

/**
 * Reads images. Files are checked as far as their header tells; what is wrong with their pixels shows when they are decoded.
 *
 * @throws {ApiError} naming the field of an image that cannot be had, is none, is animated or too large
 */
export async function readImages(
  references: readonly ImageReference[],
  { rules, signal }: { readonly rules: ImageRules; readonly signal: AbortSignal },
): Promise<File[]> {
  const { maxImages = 8 } = rules;
  const surplus = references[maxImages];
  if (surplus !== undefined) {
    throw new ApiError(`Cannot look at ${references.length} images: at most ${maxImages} are allowed`, {
      param: surplus.place,
      code: "too_many_images",
    });
  }
  return await Promise.all(references.map((reference) => readImage(reference, rules, signal)));
}

async function readImage({ text, place }: ImageReference, rules: ImageRules, signal: AbortSignal): Promise<File> {
  const { maxImageBytes: maxBytes = 20 * 2 ** 20, maxPixels = 25_000_000 } = rules;
  const refuse = (problem: string, status?: 413) =>
    new ApiError(`Cannot read "${place}": ${problem}`, {
      status,
      param: place,
      code: status === undefined ? "invalid_image" : "too_large",
    });
  try {
    const bytes = await readBytes(text, { rules, maxBytes, signal });
    if (bytes.length > maxBytes) throw refuse(`it has more than the ${maxBytes} bytes allowed`, 413);
    // Blobs go by their name, here the field that they came in.
    const file = new File([bytes as Uint8Array<ArrayBuffer>], place);
    const { width, height } = await imageSize(bytes, { maxBytes, maxPixels: Infinity, still: true });
    if (width * height > maxPixels) {
      throw refuse(`its ${width}×${height} pixels are more than the ${maxPixels} allowed`, 413);
    }
    return file;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw refuse(error.message.replace(/^Cannot load "[^"]*"( as \w+)?: /, ""));
  }
}

async function readBytes(
  text: string,
  { rules, maxBytes, signal }: { rules: ImageRules; maxBytes: number; signal: AbortSignal },
): Promise<Uint8Array> {
  if (isDataUri(text)) return readDataUri(text, { maxBytes });
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "http" || scheme === "https") {
    const { imageHosts: hosts = [], mayConnect, resolve } = rules;
    if (hosts.length === 0) throw new ImageError("images are not fetched from addresses here; send a data URI");
    return await fetchRemoteImage(text, { hosts, maxBytes, signal, mayConnect, resolve });
  }
  if (scheme === "file") return await readLocal(text, { rules, maxBytes, signal });
  if (scheme !== undefined || text === "" || /[^\w+/\-\s=]/.test(text)) {
    throw new ImageError("it is neither a data URI nor base64");
  }
  return base64ToBytes(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** What is said of files never tells where they are, or whether there is one that may not be read. */
async function readLocal(
  text: string,
  { rules: { readFile }, maxBytes, signal }: { rules: ImageRules; maxBytes: number; signal: AbortSignal },
): Promise<Uint8Array> {
  if (readFile === undefined) throw new ImageError("files are not read here; send a data URI");
  try {
    return await readFile(decodeURIComponent(text.replace(/^file:(\/\/)?/i, "")), { maxBytes: maxBytes + 1, signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ImageError("there is no such file among those that may be read", { cause });
  }
}
