// Starts the page: reads its data, builds its parts, and joins them.
// The way through the modules: data (network, space, images), panel (choice, sliders), plane
// (input, view, dots, mosaic, axes, marks), chosen (picture, paper), path (strip), samples, film,
// numbers, controls; and state, which keeps what one sees in the address.

/** @import { Data } from "./data.js" */
/** @import { Picture } from "./picture.js" */

import { Chosen } from "./chosen.js";
import { addLegend, addSwitch, addTabs, addSuggestions } from "./controls.js";
import { read } from "./data.js";
import { find } from "./elements.js";
import { Film } from "./film.js";
import { imageOf } from "./images.js";
import { addNumbers } from "./numbers.js";
import { addSmallPlanes, Panel } from "./panel.js";
import { Paper } from "./paper.js";
import { Path } from "./path.js";
import { pictureOf, pictureText } from "./picture.js";
import { Samples } from "./samples.js";
import { State } from "./state.js";

const at = (/** @type {string} */ id) => find(document, `#${id}`);

/** @param {Data} data */
function build(data) {
  const { facts, images } = data;
  /** @type {{ state?: State, path?: Path }} */
  const page = {}; // what is built last
  const changed = () => page.state?.changed();
  const choose = (/** @type {Picture | null} */ picture, isNow = false) => {
    page.path?.pause();
    const source = picture?.source;
    const image = source ? imageOf(images[source.split].packed, source.number) : undefined;
    paper.put(picture?.strokes ?? [], image);
    chosen.choose(picture, isNow);
    changed();
  };
  const chooseImage = (/** @type {"train" | "test"} */ split, /** @type {number} */ number) =>
    choose({ source: { split, number }, strokes: [] });

  const handlers = {
    onPick: (/** @type {number} */ number) => chooseImage("train", number),
    onTouch: () => page.path?.pause(),
    onChange: changed,
  };
  const panels = data.models.map((model) => new Panel(at("models"), data, model, handlers));
  addSmallPlanes(at("small"), panels);
  const chosen = new Chosen(at("chosen"), panels, data);
  const paper = new Paper(/** @type {HTMLCanvasElement} */ (at("paper")), (strokes) => {
    page.path?.pause();
    chosen.choose(strokes.length ? { source: chosen.picture?.source ?? null, strokes } : null);
    changed();
  });
  at("wipe").addEventListener("click", () => choose(null));
  let taken = 0;
  at("take").addEventListener("click", () =>
    chooseImage("test", taken++ % images.test.labels.length),
  );

  const path = (page.path = new Path(at("path"), panels, facts.classes, changed));
  const film = new Film(at("film"), panels, addNumbers(facts), changed);
  const samples = new Samples(at("samples"), panels, facts.seed, changed);
  const tabs = addTabs(at("tools"), (tool) => {
    path.show(tool === "path");
    samples.show(tool === "samples");
    changed();
  });
  const showAll = () => {
    for (const { plane } of panels) plane.show(shows.value(), new Set(legend.pressed()));
    changed();
  };
  const legend = addLegend(at("legend"), facts.classes, facts.colours, showAll);
  const shows = addSwitch(find(document, ".switch"), showAll);
  const state = (page.state = new State([
    shows.field,
    legend.field,
    {
      name: "image",
      read: () => pictureText(chosen.picture),
      apply: (text) => choose(pictureOf(text, images), true), // at once: a point that follows wins
    },
    ...panels.flatMap((panel) => [panel.choice.addressField, panel.pointField, panel.viewField]),
    tabs,
    samples.addressField,
    film.addressField,
    ...path.addressFields,
    { name: "play", read: () => "", apply: (text) => void (text === "1" && path.play()) },
    addSuggestions(facts.suggestions, (place) => state.visit(place)),
  ]));
  state.apply();
}

async function start() {
  const status = at("status");
  const fail = (/** @type {string} */ words) => {
    at("content").hidden = true;
    status.hidden = false;
    status.classList.add("now");
    status.textContent = words;
  };
  if (!("DecompressionStream" in window && "at" in Array.prototype))
    return fail(`This page needs a newer browser: ${at("oldest").textContent}, or later.`);
  try {
    const data = await read();
    document.title = `Latent space of ${data.facts.dataset}`;
    at("title").textContent = document.title;
    at("content").hidden = false;
    build(data);
    status.hidden = true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    fail(`This page is damaged (${reason}): get it again, or make it again with \`dvc repro\`.`);
  }
}

start();
