import { assert, assertEquals } from "@std/assert";
import { widenBfloat16, widenFloat16 } from "../../data/half_precision.ts";
import { narrowBfloat16, narrowFloat16 } from "../../data/narrow_floats.ts";

/** A 16-bit type: how it narrows and widens, and the bits of its infinity. */
interface Narrow {
  readonly narrow: (values: Float32Array) => Uint16Array;
  readonly widen: (halves: Uint16Array) => Float32Array;
  readonly infinity: number;
}

const f16: Narrow = { narrow: narrowFloat16, widen: widenFloat16, infinity: 0x7c00 };
const bf16: Narrow = { narrow: narrowBfloat16, widen: widenBfloat16, infinity: 0x7f80 };

/** All 65536 values. */
const all = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** The f32 one step of its own last place from a positive one. */
function neighbour(value: number, step: number): number {
  const number = Float32Array.of(value);
  new Uint32Array(number.buffer)[0]! += step;
  return number[0]!;
}

/** Values where rounding turns, by plain comparison: between each value and the next, at the middle and beside it. */
function* turns({ widen, infinity }: Narrow): Generator<readonly [value: number, bits: number]> {
  const positive = widen(all.subarray(0, infinity));
  const top = positive.at(-1)!;
  for (let bits = 0; bits < infinity; bits++) {
    const low = positive[bits]!;
    const high = positive[bits + 1] ?? top + (top - positive.at(-2)!); // beyond the largest, as if it went on
    const middle = (low + high) / 2;
    if (Math.fround(middle) !== middle) throw new Error("the middle is no f32");
    yield [low, bits];
    yield [middle, bits % 2 === 0 ? bits : bits + 1];
    if (middle > low) yield [neighbour(middle, -1), bits];
    yield [neighbour(middle, 1), bits + 1];
  }
}

for (const [name, type] of Object.entries({ narrowFloat16: f16, narrowBfloat16: bf16 })) {
  Deno.test(`${name}() rounds to nearest, ties to even, at every turn of every value, exactly`, () => {
    // A subnormal of bfloat16 is halfway between others at f32's last places, which all are f32 too.
    const cases = [...turns(type)];
    const values = Float32Array.from(cases, ([value]) => value);
    const bits = Uint16Array.from(cases, ([, bits]) => bits);
    assert(cases.length > 4 * 31000);
    assertEquals(type.narrow(values), bits);
    assertEquals(type.narrow(values.map((value) => -value)), bits.map((half) => half | 0x8000));
  });

  Deno.test(`${name}() gives back the bits of every value that is not NaN, and NaN for NaN`, () => {
    const again = type.narrow(type.widen(all));
    for (const bits of all) {
      if ((bits & 0x7fff) <= type.infinity) assertEquals(again[bits], bits);
      else assert((again[bits]! & 0x7fff) > type.infinity && (again[bits]! & 0x8000) === (bits & 0x8000));
    }
  });
}

Deno.test("narrowFloat16() makes zero of what is too small and infinity of what is too large", () => {
  const values = Float32Array.of(2 ** -25, -(2 ** -25), 1e-45, 65519, 65520, -1e30, Infinity);
  assertEquals([...narrowFloat16(values)], [0, 0x8000, 0, 0x7bff, 0x7c00, 0xfc00, 0x7c00]);
});
