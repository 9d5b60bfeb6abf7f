/**
 * Elements of the page.
 *
 * @module
 */

/**
 * The element with an id.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind what it has to be
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(`Cannot find "${id}": there is no such element`);
  return element;
}

/**
 * A new element, with properties, data and contents.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{ className?: string, data?: Readonly<Record<string, string>>, inside?: readonly (Node | string)[] }} [what]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { className = "", data = {}, inside = [] } = {}) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  Object.assign(element.dataset, data);
  element.append(...inside);
  return element;
}
