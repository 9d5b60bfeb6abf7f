/**
 * Widening of 16-bit floats to f32, exact for every value.
 *
 * @module
 */

/** From so many halves on it pays to look each one up. */
const many = 2 ** 16;

/** Every half as a single, by its bits; made when it is first needed. */
let singles: Float32Array | undefined;

/** IEEE 754 halves, as their bits, to f32; subnormals, infinities and NaN included. Writes to `values`, as long. */
export function widenFloat16(
  halves: Uint16Array,
  values: Float32Array = new Float32Array(halves.length),
): Float32Array {
  if (halves.length < many) return computeSingles(halves, values);
  const table = singles ??= computeSingles(Uint16Array.from({ length: many }, (_, i) => i), new Float32Array(many));
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i]!]!;
  return values;
}

function computeSingles(halves: Uint16Array, values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rebias = 2 ** 112; // from the half's exponent bias, 15, to the single's, 127
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    bits[i] = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    if ((half & 0x7c00) === 0x7c00) bits[i] = bits[i]! | 0x7f800000;
    else values[i] = values[i]! * rebias;
  }
  return values;
}

/** bfloat16, as its bits, to f32: the upper half of a single. Writes to `values`, as long. */
export function widenBfloat16(
  halves: Uint16Array,
  values: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return values;
}
