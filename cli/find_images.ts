/**
 * Image files of a folder.
 *
 * @module
 */

const isImage = /\.(jpe?g|png|webp|gif)$/i;

/**
 * Paths of a folder's images, relative to it, with `/` between folders, in the order of their names.
 *
 * @throws {TypeError} if there is no such folder
 */
export async function findImages(
  folder: string,
  { recursive = false }: { readonly recursive?: boolean | undefined } = {},
): Promise<string[]> {
  const found: string[] = [];
  const look = async (inside: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}/${inside}`)) {
      if (isDirectory && recursive) await look(`${inside}${name}/`);
      else if (!isDirectory && isImage.test(name)) found.push(inside + name);
    }
  };
  try {
    await look("");
  } catch (cause) {
    const missing = cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory;
    if (missing) throw new TypeError(`Cannot read "${folder}": there is no such folder`, { cause });
    throw cause;
  }
  return found.sort((a, b) => a < b ? -1 : 1);
}
