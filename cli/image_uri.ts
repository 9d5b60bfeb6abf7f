/**
 * Image files within pages.
 *
 * @module
 */

/** An image file as a data URI; its first byte tells its type. */
export function imageUri(bytes: Uint8Array): string {
  const type = bytes[0] === 0x89 ? "png" : bytes[0] === 0x47 ? "gif" : bytes[0] === 0x52 ? "webp" : "jpeg";
  return `data:image/${type};base64,${bytes.toBase64()}`;
}
