/**
 * What was said, and how it is sent: every question goes with all that came before it, images included.
 *
 * @module
 */

/**
 * @typedef {object} Picture
 * @property {string} name its file's name
 * @property {string} url a data URI
 *
 * @typedef {object} Turn
 * @property {string} question
 * @property {readonly Picture[]} pictures
 * @property {string} answer what has come of it so far
 *
 * @typedef {{ type: "text", text: string } | { type: "image_url", image_url: { url: string } }} Part
 *
 * @typedef {object} Message
 * @property {"user" | "assistant"} role
 * @property {string | Part[]} content
 */

/**
 * The messages that ask the last turn's question. Earlier turns without an answer (they failed, or were stopped at once)
 * are left out, and so is the last turn's own answer, which is to come.
 *
 * @param {readonly Turn[]} turns
 * @returns {Message[]}
 */
export function messagesOf(turns) {
  const last = turns.at(-1);
  return sentOf(turns).flatMap((turn) => {
    return turn === last ? [ask(turn)] : [ask(turn), { role: "assistant", content: turn.answer }];
  });
}

/**
 * The turns that are sent with the last one's question.
 *
 * @template {Turn} Kind
 * @param {readonly Kind[]} turns
 * @returns {Kind[]}
 */
export function sentOf(turns) {
  return turns.filter((turn, i) => i === turns.length - 1 || turn.answer !== "");
}

/**
 * @param {Turn} turn
 * @returns {Message}
 */
function ask({ question, pictures }) {
  if (pictures.length === 0) return { role: "user", content: question };
  /** @type {Part[]} */
  const parts = pictures.map(({ url }) => ({ type: "image_url", image_url: { url } }));
  if (question !== "") parts.push({ type: "text", text: question });
  return { role: "user", content: parts };
}
