/**
 * What the pictures of this example are painted with: noise, shapes, light.
 *
 * @module
 */

/** Red, green and blue from 0 to 1. */
export type Colour = readonly [number, number, number];

/** The colour of a point; `x` goes from 0 to the picture's aspect, `y` from 0 at the top to 1. */
export type Scene = (x: number, y: number) => Colour;

/** Between two colours: `a` at 0, `b` at 1. */
export function mix(a: Colour, b: Colour, share: number): Colour {
  const s = Math.min(1, Math.max(0, share));
  return [a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1]), a[2] + s * (b[2] - a[2])];
}

/** A colour made lighter or darker. */
export function lit([r, g, b]: Colour, light: number): Colour {
  return [r * light, g * light, b * light];
}

/** 0 below `from`, 1 above `to`, smooth between. */
export function smooth(from: number, to: number, value: number): number {
  const s = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return s * s * (3 - 2 * s);
}

function hash(x: number, y: number): number {
  let h = Math.imul(x, 374761393) + Math.imul(y, 668265263) | 0;
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Smooth noise from 0 to 1 whose features are about 1 across. */
export function noise(x: number, y: number): number {
  const left = Math.floor(x), top = Math.floor(y);
  const u = smooth(0, 1, x - left), v = smooth(0, 1, y - top);
  const above = hash(left, top) * (1 - u) + hash(left + 1, top) * u;
  const below = hash(left, top + 1) * (1 - u) + hash(left + 1, top + 1) * u;
  return above * (1 - v) + below * v;
}

/** Noise of several sizes, from 0 to 1. */
export function clouds(x: number, y: number, octaves = 5): number {
  let sum = 0, weight = 0.5;
  for (let octave = 0; octave < octaves; octave++) {
    sum += weight * noise(x * 2 ** octave + 17 * octave, y * 2 ** octave);
    weight /= 2;
  }
  return sum;
}

/** A thick line with round ends that gets thinner or thicker; colours of its own as light falls on it from above. */
export interface Limb {
  /** Start. */
  readonly from: readonly [number, number];
  /** End. */
  readonly to: readonly [number, number];
  /** Radius at the start, and at the end. */
  readonly radius: readonly [number, number];
  /** Its colour. */
  readonly colour: Colour;
}

/** Paints limbs over a background, the later ones in front. */
export function overlay(limbs: readonly Limb[], { softness = 0.004 }: { readonly softness?: number } = {}) {
  return (background: Colour, x: number, y: number): Colour => {
    let colour = background;
    for (const { from: [ax, ay], to: [bx, by], radius: [start, end], colour: own } of limbs) {
      const dx = bx - ax, dy = by - ay;
      const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
      const cx = ax + t * dx, cy = ay + t * dy, radius = start + t * (end - start);
      const distance = Math.hypot(x - cx, y - cy);
      const cover = 1 - smooth(radius - softness, radius + softness, distance);
      if (cover === 0) continue;
      const light = 0.95 - 0.35 * (y - cy) / radius + 0.25 * (noise(x * 90, y * 90) - 0.5);
      colour = mix(colour, lit(own, light), cover);
    }
    return colour;
  };
}
