/**
 * Patterns for names of parameters: `*` stands for any characters, everything else for itself.
 *
 * @module
 */

/** The regular expression of a pattern such as `vision_proj.*`; it matches whole names. */
export function globPattern(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}
