/**
 * The pictures: a point's colour each, so that they are sharp at any size.
 *
 * @module
 */
import { clouds, type Colour, type Limb, lit, mix, noise, overlay, type Scene, smooth } from "./paint.ts";

function sky(x: number, y: number, { top, low }: { readonly top: Colour; readonly low: Colour }): Colour {
  return mix(mix(top, low, y * 2), [1, 1, 1], smooth(0.5, 0.8, clouds(x * 3, y * 7)) * 0.8);
}

function grass(x: number, y: number): Colour {
  const blades = clouds(x * 60, y * 25, 3), patches = clouds(x * 4, y * 6);
  return lit(mix([0.22, 0.42, 0.12], [0.5, 0.66, 0.24], blades * 0.8 + patches * 0.4), 0.7 + 0.4 * patches);
}

/** A person of a height, feet at a place. */
function person(
  [x, feet]: readonly [number, number],
  { height, shirt, trousers, skin = [0.8, 0.6, 0.48], hair = [0.2, 0.13, 0.08] }: {
    readonly height: number;
    readonly shirt: Colour;
    readonly trousers: Colour;
    readonly skin?: Colour;
    readonly hair?: Colour;
  },
): Limb[] {
  const at = (dx: number, dy: number) => [x + dx * height, feet - dy * height] as const;
  const limb = (from: readonly [number, number], to: readonly [number, number], radius: number, colour: Colour) => {
    return { from, to, radius: [radius * height, radius * height * 0.85] as const, colour };
  };
  return [
    limb(at(0.03, 0.48), at(0.12, 0.02), 0.055, trousers),
    limb(at(-0.03, 0.48), at(-0.1, 0.01), 0.055, trousers),
    limb(at(0.1, 0.78), at(0.2, 0.5), 0.038, skin),
    limb(at(-0.1, 0.78), at(-0.18, 0.52), 0.038, skin),
    limb(at(0, 0.77), at(0, 0.5), 0.11, shirt),
    limb(at(0, 0.85), at(0, 0.9), 0.045, skin),
    limb(at(0, 0.94), at(0, 0.95), 0.07, skin),
    limb(at(0, 0.98), at(-0.01, 0.98), 0.06, hair),
  ];
}

/** A dog that runs to the right. */
function dog(
  [x, y]: readonly [number, number],
  { size, coat }: { readonly size: number; readonly coat: Colour },
): Limb[] {
  const at = (dx: number, dy: number) => [x + dx * size, y + dy * size] as const;
  const limb = (
    from: readonly [number, number],
    to: readonly [number, number],
    radius: readonly [number, number],
    colour: Colour = coat,
  ) => ({ from, to, radius: [radius[0] * size, radius[1] * size] as const, colour });
  const dark = lit(coat, 0.45);
  return [
    limb(at(-0.3, 0.05), at(-0.62, 0.3), [0.07, 0.035], lit(coat, 0.8)),
    limb(at(0.28, 0.1), at(0.6, 0.28), [0.065, 0.03], lit(coat, 0.8)),
    limb(at(-0.38, -0.02), at(-0.66, -0.2), [0.04, 0.025]),
    limb(at(-0.32, 0), at(0.3, -0.02), [0.15, 0.17]),
    limb(at(-0.33, 0.08), at(-0.45, 0.36), [0.09, 0.035]),
    limb(at(0.32, 0.1), at(0.42, 0.38), [0.075, 0.035]),
    limb(at(0.34, -0.1), at(0.5, -0.24), [0.12, 0.1]),
    limb(at(0.54, -0.28), at(0.56, -0.27), [0.11, 0.1]),
    limb(at(0.6, -0.25), at(0.72, -0.22), [0.06, 0.045]),
    limb(at(0.74, -0.24), at(0.745, -0.235), [0.022, 0.02], [0.06, 0.05, 0.05]),
    limb(at(0.5, -0.35), at(0.43, -0.22), [0.035, 0.05], dark),
    limb(at(0.58, -0.3), at(0.585, -0.3), [0.016, 0.014], [0.05, 0.04, 0.04]),
  ];
}

const runner = overlay(dog([0.6, 0.58], { size: 0.62, coat: [0.72, 0.5, 0.27] }));

const dogOnGrass: Scene = (x, y) => {
  const hedge = mix([0.1, 0.22, 0.08], [0.25, 0.4, 0.15], clouds(x * 14, y * 14));
  const ground = mix(hedge, grass(x, y), smooth(0.2, 0.26, y + 0.03 * noise(x * 12, 0)));
  const shadow = smooth(0.5, 0.1, Math.hypot((x - 0.62) / 1.2, (y - 0.83) * 6)) * 0.5;
  return runner(lit(ground, 1 - shadow), x, y);
};

const couple = overlay([
  ...person([0.55, 0.86], { height: 0.5, shirt: [0.8, 0.2, 0.18], trousers: [0.2, 0.25, 0.4] }),
  ...person([0.78, 0.85], { height: 0.46, shirt: [0.9, 0.85, 0.75], trousers: [0.45, 0.42, 0.4] }),
]);

const peopleOnBeach: Scene = (x, y) => {
  const shore = 0.62 + 0.02 * Math.sin(x * 7) + 0.015 * noise(x * 9, 3);
  const waves = clouds(x * 6, y * 60, 4), foam = smooth(0.62, 0.7, waves) * smooth(0.42, 0.6, y);
  const sea = mix(mix([0.1, 0.3, 0.48], [0.25, 0.55, 0.6], (y - 0.38) * 4), [0.95, 0.97, 1], foam);
  const sand = lit(mix([0.76, 0.66, 0.5], [0.9, 0.82, 0.66], clouds(x * 40, y * 40)), 0.8 + 0.3 * clouds(x * 4, y * 9));
  const edge = smooth(shore - 0.03, shore, y) * (1 - smooth(shore, shore + 0.015, y));
  const ground = mix(mix(sea, sand, smooth(shore - 0.004, shore + 0.004, y)), [1, 1, 1], edge * 0.8);
  const air = sky(x, y, { top: [0.3, 0.55, 0.85], low: [0.75, 0.87, 0.95] });
  return couple(mix(air, ground, smooth(0.378, 0.382, y)), x, y);
};

const skier = overlay([
  { from: [0.58, 0.83], to: [0.86, 0.9], radius: [0.008, 0.008], colour: [0.1, 0.1, 0.15] },
  { from: [0.6, 0.82], to: [0.88, 0.87], radius: [0.008, 0.008], colour: [0.1, 0.1, 0.15] },
  ...person([0.72, 0.86], {
    height: 0.34,
    shirt: [0.85, 0.12, 0.1],
    trousers: [0.08, 0.08, 0.12],
    hair: [0.1, 0.1, 0.1],
  }),
]);

const skierOnSnow: Scene = (x, y) => {
  const far = 0.42 - 0.3 * clouds(x * 2.2 + 5, 0, 6) * smooth(-0.2, 0.5, x) + 0.05 * noise(x * 20, 1);
  const rock = mix([0.28, 0.3, 0.36], [0.93, 0.95, 1], smooth(0.42, 0.55, clouds(x * 9 + y * 4, y * 16)));
  const slope = 0.45 + 0.25 * x;
  const snow = lit(mix([0.78, 0.85, 0.95], [1, 1, 1], clouds(x * 5, (y - 0.2 * x) * 22)), 0.93);
  const air = mix([0.16, 0.36, 0.72], [0.6, 0.78, 0.93], y * 2.4);
  const mountain = mix(air, rock, smooth(far - 0.003, far + 0.003, y));
  return skier(mix(mountain, snow, smooth(slope - 0.004, slope + 0.004, y)), x, y);
};

/** The pictures by name. */
export const scenes: ReadonlyMap<string, Scene> = new Map([
  ["dog", dogOnGrass],
  ["beach", peopleOnBeach],
  ["snow", skierOnSnow],
]);
