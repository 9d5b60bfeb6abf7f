/**
 * Errors of the library. Messages read `Cannot <action> "<thing>": <what is wrong, where>`.
 *
 * @module
 */

/** A tensor with the wrong shape, type or layout was given to a graph. */
export class ShapeError extends Error {
  /** Name of the class. */
  override name = "ShapeError";
}

/** Weights do not fit a model: missing, unexpected or mis-shaped tensors, or a damaged file. */
export class WeightError extends Error {
  /** Name of the class. */
  override name = "WeightError";
}

/** The ids of a prompt and its images do not belong together. */
export class PlaceholderError extends Error {
  /** Name of the class. */
  override name = "PlaceholderError";
}

/** A configuration names something unknown or contradicts itself. */
export class ConfigError extends Error {
  /** Name of the class. */
  override name = "ConfigError";
}

/** An image cannot be read: damaged, of an unknown format, or larger than allowed. */
export class ImageError extends Error {
  /** Name of the class. */
  override name = "ImageError";
}

/** A prompt leaves no room for an answer in the model's context. */
export class ContextError extends RangeError {
  /** Name of the class. */
  override name = "ContextError";
}

/** A JSON schema says something that answers cannot be held to. */
export class SchemaError extends Error {
  /** Name of the class. */
  override name = "SchemaError";
}
