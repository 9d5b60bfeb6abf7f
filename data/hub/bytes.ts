/**
 * Amounts of bytes for people.
 *
 * @module
 */

const units = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in the largest decimal unit that fits: `598.6 MB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  // 999.95 would round to 1000.0.
  while (amount >= 999.95 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`;
}
