/**
 * How byte-level tokenizers write bytes in their vocabulary: each byte is one printable character (GPT-2).
 *
 * @module
 */

/** Bytes that stand for themselves: printable Latin-1 characters. */
function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/** The character of each byte, `[256]`; those that cannot be printed follow each other from U+0100 on. */
export const byteCharacters: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

const bytesByCharacter = new Map(byteCharacters.map((character, byte) => [character, byte]));

const utf8 = new TextEncoder();

/** A text in the byte-level alphabet, one character for each byte of its UTF-8. */
export function writeBytes(text: string): string {
  let written = "";
  for (const byte of utf8.encode(text)) written += byteCharacters[byte];
  return written;
}

/** The bytes of a word of the vocabulary, or undefined if some character stands for no byte. */
export function bytesOfWord(word: string): Uint8Array | undefined {
  const bytes = new Uint8Array(word.length);
  for (let i = 0; i < word.length; i++) {
    const byte = bytesByCharacter.get(word[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/**
 * Splits text into words, digits, signs and white space, each piece with the space before it, as Hugging Face's
 * tokenizers do. Theirs takes white space to be Unicode's White_Space; JavaScript's `\s` has U+FEFF besides and
 * lacks U+0085, hence the property by name.
 */
export const wordPattern: RegExp =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
