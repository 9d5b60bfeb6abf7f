/**
 * The contract of a constraint: which ids may come next, so that an answer keeps a form.
 *
 * @module
 */

/** Follows one answer, id by id. */
export interface TokenConstraint {
  /** Whether the answer is complete and any id would spoil it. */
  readonly ended: boolean;
  /**
   * Sets the bias `[V]` of every id that must not come next to −∞. At least one id may always come while it has not
   * ended.
   *
   * @param left Ids that may still be drawn, this one included; the answer must be complete within them
   */
  restrict(bias: Float32Array, left: number): void;
  /** Takes the id that was drawn. */
  accept(id: number): void;
  /** Whether the last {@link restrict} ruled ids out only because few may still be drawn. Default false. */
  readonly pressed?: boolean | undefined;
  /** Where it was pressed, told the logits `[V]` as the model gave them, so that it knows whether that mattered. */
  weigh?(logits: Float32Array): void;
}
