/**
 * Shape patterns: `f32 [B, T, D]` matched against tensors, letters bound once and equal everywhere.
 *
 * @module
 */
import { ShapeError } from "../errors.ts";
import { formatShape, type Tensor } from "./tensor.ts";

/** Extents by letter. `*` binds to the product of all leading dimensions. */
export type Extents = Readonly<Record<string, number>>;

/** A tensor (or an absent optional one) and the pattern it must have. */
export type Expectation = readonly [tensor: Tensor | undefined, pattern: string];

/**
 * Checks operands against patterns and returns the extent of every letter.
 *
 * A pattern is a type (`f32`, `i32`, `matrix` for a weight in the backend's layout) and a shape of letters,
 * numbers, and at its front `*` for any leading dimensions.
 *
 * @throws {ShapeError} naming kernel, operand, what it is and what was expected
 */
export function match(kernel: string, operands: Record<string, Expectation>): Extents {
  const extents: Record<string, number> = {};
  for (const [operand, [tensor, pattern]] of Object.entries(operands)) {
    if (tensor === undefined) continue;
    const open = pattern.indexOf("[");
    const type = pattern.slice(0, open).trim();
    const letters = pattern.slice(open + 1, -1).split(",").map((letter) => letter.trim());
    if (!typeMatches(tensor, type) || !bind(tensor.shape, letters, extents)) {
      throw new ShapeError(
        `Cannot add "${kernel}": ${operand} "${tensor.name}" is ${describe(tensor)}, expected ${pattern}${
          known(letters, extents)
        }`,
      );
    }
  }
  return extents;
}

function typeMatches(tensor: Tensor, type: string): boolean {
  if (type === "matrix") return tensor.layout === "matrix";
  return tensor.dtype === type && tensor.layout === "rows";
}

function bind(shape: readonly number[], letters: string[], extents: Record<string, number>): boolean {
  const leading = letters[0] === "*" ? shape.length - letters.length + 1 : 0;
  if (letters[0] === "*") {
    if (leading < 0) return false;
    const rows = shape.slice(0, leading).reduce((product, extent) => product * extent, 1);
    if ((extents["*"] ??= rows) !== rows) return false;
    letters = letters.slice(1);
  }
  if (shape.length - leading !== letters.length) return false;
  return letters.every((letter, i) => {
    const extent = shape[leading + i]!;
    const fixed = Number(letter);
    return Number.isNaN(fixed) ? (extents[letter] ??= extent) === extent : fixed === extent;
  });
}

function describe(tensor: Tensor): string {
  return `${tensor.layout === "matrix" ? "matrix" : tensor.dtype} ${formatShape(tensor.shape)}`;
}

function known(letters: string[], extents: Extents): string {
  const bound = letters.filter((letter) => letter in extents).map((letter) => `${letter} = ${extents[letter]}`);
  return bound.length > 0 ? ` with ${bound.join(", ")}` : "";
}
