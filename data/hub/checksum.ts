/**
 * How a file is known to be whole.
 *
 * @module
 */
import type { FileStore } from "./file_store.ts";

/** What a file's bytes must hash to, in lower-case hexadecimal. */
export interface Checksum {
  /** `sha256` of the bytes; `git`: SHA-1 of git's blob, which the hub gives for small files. */
  readonly kind: "sha256" | "git";
  /** The digest. */
  readonly digest: string;
}

/** The checksum that a file in a store has. Git's is meant for small files: it reads them at once. */
export async function checksumOf(store: FileStore, path: string, kind: Checksum["kind"]): Promise<string> {
  if (kind === "sha256") return await store.sha256(path);
  const content = await store.read(path);
  const header = new TextEncoder().encode(`blob ${content.length}\0`);
  const blob = new Uint8Array(header.length + content.length);
  blob.set(header);
  blob.set(content, header.length);
  return toHex(await crypto.subtle.digest("SHA-1", blob));
}

/** Bytes in lower-case hexadecimal. */
export function toHex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
