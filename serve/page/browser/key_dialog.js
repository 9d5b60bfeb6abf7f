/**
 * Asks for the key of a server that wants one.
 *
 * @module
 */
import { byId } from "./dom.js";
import { say } from "./words.js";

/** @type {Promise<string | undefined> | undefined} */
let open;

/**
 * Shows the dialog, once however many requests want it; undefined if it is closed without a key.
 *
 * @param {boolean} wrong whether the server refused a key before
 * @returns {Promise<string | undefined>}
 */
export function askKey(wrong) {
  return open ??= show(wrong).finally(() => open = undefined);
}

/**
 * @param {boolean} wrong
 * @returns {Promise<string | undefined>}
 */
function show(wrong) {
  const dialog = byId("key", HTMLDialogElement);
  const field = byId("key-field", HTMLInputElement);
  say(byId("key-hint", HTMLParagraphElement), wrong ? "keyWrong" : "keyHint");
  field.value = "";
  return new Promise((resolve) => {
    byId("key-cancel", HTMLButtonElement).onclick = () => dialog.close("");
    dialog.onsubmit = (event) => {
      event.preventDefault();
      dialog.close(field.value.trim());
    };
    dialog.oncancel = () => dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "" ? undefined : dialog.returnValue);
    dialog.returnValue = "";
    dialog.showModal();
  });
}
