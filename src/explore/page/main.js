// Starts the page: unpacks its data, fills in its parts, and lets them know of each other.

import { Chosen } from "./chosen.js";
import { part } from "./elements.js";
import { Film } from "./film.js";
import { imageOf } from "./images.js";
import { addMeasures } from "./measures.js";
import { modelOf, read } from "./load.js";
import { addNumbers } from "./numbers.js";
import { Panel } from "./panel.js";
import { Paper } from "./paper.js";
import { Path } from "./path.js";
import { pictureOf, pictureText } from "./picture.js";
import { Samples } from "./samples.js";
import { numbersIn, State } from "./state.js";
import { addLegend, addSmallPlanes, addTabs, TOOLS } from "./tools.js";
import { addTries } from "./tries.js";

const SHOWS = ["dots", "mosaic", "both"];

const at = (/** @type {string} */ id) => part(document, `#${id}`);

/**
 * @param {import("./types.js").Facts} facts
 * @param {import("./load.js").Arrays} arrays
 * @param {((epochs: number) => void)[]} marks what marks an epoch on the curves of the loss
 */
function build(facts, arrays, marks) {
  const { classes } = facts;
  const split = (/** @type {string} */ name) => ({
    packed: arrays[`${name}-images`],
    labels: arrays[`${name}-labels`],
  });
  const data = {
    classes,
    images: { train: split("train"), test: split("test") },
    seed: facts.seed,
  };
  /** @type {{ state?: State, path?: Path }} */
  const page = {};
  const changed = () => page.state?.changed();
  const outside = {
    onPick: (/** @type {number} */ number) =>
      choose({ source: { split: "train", number }, strokes: [] }),
    onTouch: () => page.path?.pause(),
    onChange: changed,
  };
  const panels = facts.models.map((model) => {
    const template = /** @type {HTMLTemplateElement} */ (at("panel"));
    const root = /** @type {HTMLElement} */ (
      /** @type {Element} */ (template.content.cloneNode(true)).firstElementChild
    );
    root.id = model.name;
    root.setAttribute("aria-label", model.title);
    at("models").append(root);
    return new Panel(root, data, modelOf(model, arrays, classes.length), facts.colours, outside);
  });
  addSmallPlanes(at("small"), panels);

  const chosen = new Chosen(at("chosen"), panels, data);
  const paper = new Paper(/** @type {HTMLCanvasElement} */ (at("paper")), (strokes) => {
    page.path?.pause();
    chosen.choose(strokes.length ? { source: chosen.picture?.source ?? null, strokes } : null);
    changed();
  });
  const choose = (
    /** @type {import("./picture.js").Picture | null} */ picture,
    /** @type {boolean} */ isNow = false,
  ) => {
    page.path?.pause();
    const source = picture?.source;
    paper.put(
      picture?.strokes ?? [],
      source ? imageOf(data.images[source.split].packed, source.number) : undefined,
    );
    chosen.choose(picture, isNow);
    changed();
  };
  at("wipe").addEventListener("click", () => choose(null));
  let next = 0;
  at("take").addEventListener("click", () => {
    choose({
      source: { split: "test", number: next++ % data.images.test.labels.length },
      strokes: [],
    });
  });

  const path = (page.path = new Path(at("path"), panels, classes, changed));
  const film = new Film(at("film"), panels, marks, changed);
  const samples = new Samples(at("samples"), panels, facts.seed, changed);
  const tabs = addTabs(at("tools"), (tool) => {
    path.show(tool === "path");
    samples.show(tool === "samples");
    changed();
  });
  const legend = addLegend(at("legend"), classes, facts.colours, () => showAll());
  const shows = /** @type {HTMLInputElement[]} */ (
    Array.from(document.querySelectorAll("[name=shows]"))
  );
  const shown = () => shows.find((input) => input.checked)?.value ?? SHOWS[0];
  const showAll = () => {
    for (const panel of panels) panel.plane.show(shown(), new Set(legend.pressed()));
    changed();
  };
  for (const input of shows) input.addEventListener("change", showAll);

  const said = { tool: TOOLS[0], show: SHOWS[0] };
  const state = new State([
    {
      name: "show",
      read: () => (shown() === said.show ? "" : shown()),
      apply: (text) => {
        const wanted = text !== null && SHOWS.includes(text) ? text : said.show;
        for (const input of shows) input.checked = input.value === wanted;
      },
    },
    {
      name: "classes",
      read: () => legend.pressed().join(","),
      apply: (text) => legend.set(numbersIn(text).filter((label) => label in classes)),
    },
    {
      name: "image",
      read: () => pictureText(chosen.picture),
      apply: (text) => {
        choose(pictureOf(text, data), true); // at once: a point in the address wins
      },
    },
    ...panels.flatMap((panel) => panel.stateParts),
    {
      name: "tool",
      read: () => (tabs.shown() === said.tool ? "" : tabs.shown()),
      apply: (text) => tabs.show(text !== null && TOOLS.includes(text) ? text : said.tool),
    },
    samples.statePart,
    film.statePart,
    ...path.stateParts,
    { name: "play", read: () => "", apply: (text) => void (text === "1" && path.play()) },
    addTries(facts.suggestions, (place) => state.visit(place)),
  ]);
  state.apply();
  page.state = state;
  return panels;
}

async function start() {
  const status = at("status");
  if (!("DecompressionStream" in window && "at" in Array.prototype)) {
    status.classList.add("now");
    status.textContent = `This page needs a newer browser: ${at("oldest").textContent}, or later.`;
    return;
  }
  try {
    const { facts, arrays } = await read();
    document.title = `Latent space of ${facts.dataset}`;
    at("title").textContent = document.title;
    at("content").hidden = false;
    const panels = build(facts, arrays, addNumbers(facts));
    status.hidden = true;
    // After the first picture.
    requestAnimationFrame(() => setTimeout(() => addMeasures(panels, facts)));
  } catch (error) {
    at("content").hidden = true;
    status.hidden = false;
    status.classList.add("now");
    const reason = error instanceof Error ? error.message : String(error);
    const advice = "get it again, or make it again with `dvc repro`";
    status.textContent = `This page is damaged (${reason}): ${advice}.`;
  }
}

start();
