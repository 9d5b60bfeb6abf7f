/**
 * Files on a disk, for Deno, Node and Bun: where downloads are kept, data sets, folders of images.
 *
 * It is a door of its own, so that a page, which has no disk, never loads it.
 *
 * @module
 */
export { createFileStore } from "./file_store.ts";
export { openImageFolder } from "./image_folder.ts";
export { openRandomAccess } from "./random_access.ts";
