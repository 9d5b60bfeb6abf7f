/**
 * How answers are drawn, and how the page looks: what is chosen is kept.
 *
 * @module
 */
import { byId } from "./dom.js";
import { lasting } from "./store.js";
import { currentLanguage, firstLanguage, showLanguage } from "./words.js";

/** @typedef {import("./api.js").Settings} Settings */

const names = /** @type {const} */ (["temperature", "top_p", "max_tokens", "seed"]);

/** The fields of sampling. A field that is empty leaves it to the model, whose own value it shows. */
export class Sampling {
  #form = byId("settings", HTMLFormElement);
  #fields = names.map((name) => byId(name, HTMLInputElement));

  constructor() {
    for (const field of this.#fields) {
      field.value = lasting.get(field.name) ?? "";
      field.oninput = () => lasting.set(field.name, field.value === "" ? undefined : field.value);
    }
    this.#form.onreset = () => {
      for (const name of names) lasting.set(name, undefined);
    };
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#form.hidePopover();
    };
  }

  /**
   * Shows what a model does by itself.
   *
   * @param {Settings} defaults
   */
  set defaults(defaults) {
    for (const field of this.#fields) {
      const value = defaults[/** @type {keyof Settings} */ (field.name)];
      field.placeholder = value === undefined ? "" : String(value);
    }
  }

  /**
   * What is chosen; undefined if it is not possible, which the form then says.
   *
   * @returns {Settings | undefined}
   */
  get chosen() {
    if (!this.#form.checkValidity()) {
      this.#form.showPopover();
      this.#form.reportValidity();
      return undefined;
    }
    const filled = this.#fields.filter(({ value }) => value !== "");
    return Object.fromEntries(filled.map(({ name, valueAsNumber }) => [name, valueAsNumber]));
  }
}

/** Makes the buttons for language and colours work. */
export function setUpLooks() {
  const language = byId("language", HTMLButtonElement);
  const theme = byId("theme", HTMLButtonElement);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const other = currentLanguage() === "en" ? "zh" : "en";
    language.textContent = other === "zh" ? "中文" : "English";
    language.lang = other;
    const chosen = lasting.get("theme");
    const isDark = chosen === undefined ? prefersDark.matches : chosen === "dark";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    theme.ariaPressed = String(isDark);
  };
  language.onclick = () => {
    const other = currentLanguage() === "en" ? "zh" : "en";
    lasting.set("language", other);
    showLanguage(other);
    show();
  };
  theme.onclick = () => {
    lasting.set("theme", theme.ariaPressed === "true" ? "light" : "dark");
    show();
  };
  prefersDark.onchange = show;
  showLanguage(firstLanguage());
  show();
}
