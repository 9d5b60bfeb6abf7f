/**
 * Rounding of f32 to 16-bit floats: to nearest, ties to even, subnormals included, as PyTorch and hardware round.
 *
 * @module
 */

/** The bits of numbers, without conversion. */
function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

const infinity = 0x7f800000;

/** f32 to IEEE 754 halves, as their bits. From 65520 on numbers become infinite; NaN stays NaN. */
export function narrowFloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const halves = new Uint16Array(values.length);
  const scratch = new Float32Array(1);
  const scratchBits = bitsOf(scratch);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const size = bits[i]! & 0x7fffffff;
    if (size > infinity) halves[i] = sign | 0x7e00 | ((size >>> 13) & 0x3ff);
    else if (size >= 0x47800000) halves[i] = sign | 0x7c00; // 65536 and more
    else if (size >= 0x38800000) halves[i] = sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
    else {
      // The last place of numbers near 0.5 is that of subnormal halves, so this addition rounds to it.
      scratchBits[0] = size;
      scratch[0] = scratch[0]! + 0.5;
      halves[i] = sign | (scratchBits[0]! - 0x3f000000);
    }
  }
  return halves;
}

/** f32 to bfloat16, as its bits. From (2 - 2⁻⁸)·2¹²⁷ on numbers become infinite; NaN stays NaN. */
export function narrowBfloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const word = bits[i]!;
    const isNaN = (word & 0x7fffffff) > infinity;
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}
