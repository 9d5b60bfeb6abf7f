/**
 * Bytes from base64.
 *
 * @module
 */

/**
 * The bytes that base64 tells; white space in it is left out. The engine's own decoder takes a millisecond for some
 * megabytes, and Node learnt it later than the others.
 *
 * @throws {SyntaxError | DOMException} if it is not base64
 */
export function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as { fromBase64?: (base64: string) => Uint8Array<ArrayBuffer> };
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, base64);
  const latin1 = atob(base64);
  const bytes = new Uint8Array(latin1.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = latin1.charCodeAt(i);
  return bytes;
}
