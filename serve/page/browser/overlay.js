/**
 * Where an answer looked, drawn over an image.
 *
 * @module
 */
import { make } from "./dom.js";

/** @typedef {import("./api.js").Attention} Attention */

/** Longer sides of a drawing at most, more than an image takes on the page. */
const side = 384;

/**
 * Shares between which a drawing goes from covered to clear.
 *
 * @typedef {{ least: number, most: number }} Range
 */

/**
 * The range of an answer's shares.
 *
 * @param {readonly Attention[]} attention
 * @returns {Range}
 */
export function rangeOf(attention) {
  const shares = attention.flatMap(({ shares }) => shares);
  return { least: Math.min(...shares), most: Math.max(...shares) };
}

/**
 * A drawing that takes as much room as an image: clear where the answer looked most, covered where it looked least.
 *
 * @param {HTMLImageElement} image loaded
 * @param {Attention} attention
 * @param {Range} range
 * @returns {HTMLCanvasElement}
 */
export function drawOverlay({ naturalWidth, naturalHeight }, { grid, fit, shares }, range) {
  const canvas = make("canvas");
  canvas.ariaHidden = "true";
  const scale = Math.min(1, side / Math.max(naturalWidth, naturalHeight));
  canvas.width = Math.max(1, Math.round(naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(naturalHeight * scale));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const square = Math.min(canvas.width, canvas.height);
  const [width, height] = fit === "stretch" ? [canvas.width, canvas.height] : [square, square];
  context.fillStyle = "rgb(8 12 14 / 0.75)";
  context.fillRect(0, 0, canvas.width, canvas.height);
  // What lies in the picture at a place is what it takes away from the veil there.
  context.globalCompositeOperation = "destination-out";
  context.imageSmoothingQuality = "high";
  const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
  context.drawImage(lights(shares, grid, range), left, top, width, height);
  return canvas;
}

/**
 * A picture of as many pixels as there are shares, the more opaque the larger.
 *
 * @param {readonly number[]} shares
 * @param {Attention["grid"]} grid
 * @param {Range} range
 * @returns {OffscreenCanvas}
 */
function lights(shares, [rows, columns], { least, most }) {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(columns, rows);
  shares.forEach((share, i) => {
    pixels.data[4 * i + 3] = most > least ? Math.round(255 * (share - least) / (most - least)) : 255;
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}
