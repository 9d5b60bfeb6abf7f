/**
 * A page to chat with the models of the server that it came from.
 *
 * @module
 */
import { Api, ServerError } from "./api.js";
import { Composer } from "./composer.js";
import { messagesOf, sentOf } from "./conversation.js";
import { byId, make } from "./dom.js";
import { askKey } from "./key_dialog.js";
import { EngineError } from "./local_engine.js";
import { LocalSwitch } from "./local_switch.js";
import { rangeOf } from "./overlay.js";
import { Sampling, setUpLooks } from "./settings.js";
import { lasting } from "./store.js";
import { TurnView } from "./turn_view.js";
import { translate } from "./words.js";

/** @typedef {import("./conversation.js").Turn} Turn */

setUpLooks();

const api = new Api(askKey);
const sampling = new Sampling();
const composer = new Composer(ask, stop);
const local = new LocalSwitch(stop);
const modelList = byId("model", HTMLSelectElement);
const log = byId("log", HTMLDivElement);
const scroller = /** @type {HTMLElement} */ (log.parentElement);
const welcome = byId("welcome", HTMLElement);

/** @type {Turn[]} */
let turns = [];
/** @type {Map<Turn, TurnView>} */
const views = new Map();
/** @type {AbortController | undefined} */
let running;
/** @type {import("./api.js").Model[]} */
let models = [];
let listing = false;

/**
 * @param {string} question
 * @param {Turn["pictures"]} pictures
 */
function ask(question, pictures) {
  const turn = { question, pictures, answer: "" };
  const view = new TurnView(turn, { onAgain: () => answer(turn, view), onLook: overlay, onGrow: follow });
  turns.push(turn);
  views.set(turn, view);
  log.append(view.element);
  welcome.hidden = true;
  answer(turn, view);
}

/**
 * Answers the last turn.
 *
 * @param {Turn} turn
 * @param {TurnView} view
 */
async function answer(turn, view) {
  const settings = sampling.chosen;
  if (running !== undefined) return;
  turn.answer = "";
  overlay([]);
  view.begin(modelList.value || "MiniMind-V");
  if (settings === undefined) return view.stop();
  const { signal } = running = new AbortController();
  composer.busy = true;
  scroller.scrollTo(0, scroller.scrollHeight);
  if (models.length === 0) listModels();
  try {
    const request = {
      ...modelList.value && { model: modelList.value },
      messages: messagesOf(turns),
      ...looksAtImages() && { image_attention: true },
      ...settings,
    };
    const engine = await local.engine(signal);
    for await (const event of api.answer(request, { signal, engine })) {
      if (!("text" in event)) view.finish(event);
      else {
        turn.answer += event.text;
        view.append(event.text);
      }
    }
  } catch (error) {
    if (signal.aborted) view.stop();
    else view.fail(error instanceof ServerError || error instanceof EngineError ? error.message : undefined);
    const expected = [ServerError, EngineError, TypeError].some((kind) => error instanceof kind);
    if (!signal.aborted && !expected) throw error;
  } finally {
    if (running?.signal === signal) {
      running = undefined;
      composer.busy = false;
    }
  }
}

function stop() {
  running?.abort();
}

/** Whether there are images, and the model can tell where it looks. */
function looksAtImages() {
  const able = models.find(({ id }) => id === modelList.value)?.looks === true;
  return able && sentOf(turns).some(({ pictures }) => pictures.length > 0);
}

/**
 * Draws where the last answer looked over the images that were sent for it.
 *
 * @param {readonly import("./api.js").Attention[]} attention one for each of them; none to draw nothing
 */
function overlay(attention) {
  const range = rangeOf(attention);
  let first = 0;
  for (const turn of sentOf(turns)) {
    const end = first + turn.pictures.length;
    views.get(turn)?.overlay(attention.slice(first, end), range);
    first = end;
  }
}

/**
 * Keeps the end in sight while something is added to it, unless one has scrolled away.
 *
 * @param {() => void} add
 */
function follow(add) {
  const { scrollTop, scrollHeight, clientHeight } = scroller;
  add();
  if (scrollHeight - clientHeight - scrollTop < 60) scroller.scrollTo(0, scroller.scrollHeight);
}

function clear() {
  stop();
  running = undefined;
  composer.busy = false;
  turns = [];
  views.clear();
  log.replaceChildren();
  welcome.hidden = false;
  composer.clear();
  composer.focus();
}

/** Milliseconds between looks for a model that is being loaded, or a server that is being started. */
const patience = 2000;

/** Fills the list, unless that is under way. */
async function listModels() {
  if (listing) return;
  listing = true;
  try {
    showOption("loading");
    while (models.length === 0) {
      models = await api.models().catch((error) => {
        if (error instanceof TypeError) return []; // the server cannot be reached
        throw error;
      });
      if (models.length === 0) await new Promise((resolve) => setTimeout(resolve, patience));
    }
    const options = models.map(({ id }) => Object.assign(make("option", { inside: [id] }), { value: id }));
    modelList.replaceChildren(...options);
    const chosen = models.find(({ id }) => id === lasting.get("model")) ?? models[0];
    modelList.value = chosen?.id ?? "";
    await useModel();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    showOption("noModel"); // without a key, for one; the next question asks for it again
  } finally {
    listing = false;
  }
}

/** @param {import("./words.js").Word} word what the list says while it is empty */
function showOption(word) {
  modelList.replaceChildren(Object.assign(make("option", { data: { word } }), { value: "" }));
  translate(modelList);
}

async function useModel() {
  local.model = modelList.value;
  composer.sees = models.find(({ id }) => id === modelList.value)?.sees ?? false;
  sampling.defaults = await api.defaults(modelList.value);
}

modelList.onchange = () => {
  lasting.set("model", modelList.value);
  useModel();
};
byId("clear", HTMLButtonElement).onclick = clear;
byId("ideas", HTMLDivElement).onclick = ({ target }) => {
  if (target instanceof HTMLButtonElement) composer.propose(target.textContent ?? "");
};
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && document.querySelector(":popover-open, dialog[open]") === null) stop();
});
composer.focus();
await listModels();
