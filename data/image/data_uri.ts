/**
 * Reads `data:` URIs (RFC 2397), with base64 or percent-encoding.
 *
 * @module
 */
import { decodeBase64 } from "../../core/base64.ts";
import { ImageError } from "../../core/errors.ts";

/** Whether a text is a data URI. */
export function isDataUri(text: string): boolean {
  return /^data:/i.test(text);
}

/**
 * The bytes of a data URI. Its media type is not looked at.
 *
 * @throws {ImageError} if it has no comma, or its data are not what it says, or surely more than `maxBytes`
 */
export function readDataUri(
  uri: string,
  { maxBytes }: { readonly maxBytes: number },
): Uint8Array<ArrayBuffer> {
  const comma = uri.indexOf(",");
  if (comma < 0) throw new ImageError("the data URI has no comma before its data");
  const text = uri.slice(comma + 1);
  if (text.length > 3 * maxBytes) { // the longest way to write a byte is %xx
    throw new ImageError(`${text.length} characters are more than ${maxBytes} bytes need`);
  }
  const latin1 = text.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return /;\s*base64\s*$/i.test(uri.slice(0, comma)) ? base64ToBytes(latin1) : latin1ToBytes(latin1);
}

/** The bytes that base64 tells, see {@link decodeBase64}. @throws {ImageError} if it is not base64 */
export function base64ToBytes(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase64(base64);
  } catch (cause) {
    throw new ImageError("the data are not base64", { cause });
  }
}

/** One byte a character. @throws {ImageError} at a character that has no byte */
function latin1ToBytes(latin1: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(latin1.length);
  for (let i = 0; i < bytes.length; i++) {
    const code = latin1.charCodeAt(i);
    if (code > 0xff) throw new ImageError(`the data have the character "${latin1[i]}"`);
    bytes[i] = code;
  }
  return bytes;
}
