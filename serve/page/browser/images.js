/**
 * Images from files, as the server takes them.
 *
 * @module
 */

/** @typedef {import("./conversation.js").Picture} Picture */

/** Types that the server reads; an animated GIF it does not, so GIFs are drawn anew. */
const readable = ["image/jpeg", "image/png", "image/webp"];

/** Files up to this size are sent as they are. */
const maxBytes = 2 * 2 ** 20;

/** Longer sides are drawn this long; models look at a few hundred pixels. */
const maxSide = 1536;

/**
 * The images among what is dropped or pasted.
 *
 * @param {DataTransfer | null} transfer
 * @returns {File[]}
 */
export function imagesIn(transfer) {
  return [...transfer?.files ?? []].filter(({ type }) => type.startsWith("image/"));
}

/**
 * An image as a data URI: the file itself if the server can read it, else what the browser sees in it.
 *
 * @param {File} file
 * @returns {Promise<Picture>}
 * @throws {DOMException} if the browser sees no image in it
 */
export async function readPicture(file) {
  const picture = await createImageBitmap(file); // fails for what is no image, whatever its name
  try {
    const fine = readable.includes(file.type) && file.size <= maxBytes;
    return { name: file.name, url: await dataUri(fine ? file : await redraw(picture)) };
  } finally {
    picture.close();
  }
}

/**
 * @param {ImageBitmap} picture
 * @returns {Promise<Blob>}
 */
async function redraw(picture) {
  const scale = Math.min(1, maxSide / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(/** @type {number} */ (width), /** @type {number} */ (height));
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const png = await canvas.convertToBlob({ type: "image/png" });
  if (png.size <= maxBytes) return png;
  context.globalCompositeOperation = "destination-over"; // JPEG has no transparency
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
