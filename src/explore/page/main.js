// Starts the page: reads its data, builds its parts, and joins them.
// The way through the modules: data (network, space, images), panel (choice, sliders), plane
// (input, view, dots, mosaic, axes, marks), chosen (loss, picture, paper), path (strip), samples,
// film, chain, train (trainer, rates; worker, training), numbers, controls, lesson; and state,
// which keeps what one sees in the address.

/** @import { Data } from "./data.js" */
/** @import { Picture } from "./picture.js" */
/** @import { AddressField } from "./state.js" */

import { Chain } from "./chain.js";
import { Chosen } from "./chosen.js";
import { addLegend, addSwitch, addTabs } from "./controls.js";
import { read } from "./data.js";
import { find } from "./elements.js";
import { Film } from "./film.js";
import { imageOf } from "./greys.js";
import { Lesson } from "./lesson.js";
import { addNumbers } from "./numbers.js";
import { addSmallPlanes, Panel } from "./panel.js";
import { Paper } from "./paper.js";
import { Path } from "./path.js";
import { pictureOf, pictureText } from "./picture.js";
import { Samples } from "./samples.js";
import { State } from "./state.js";
import { Train } from "./train.js";

const at = (/** @type {string} */ id) => find(document, `#${id}`);

/** @param {Data} data */
function build(data) {
  const { facts, images } = data;
  /** @type {{ state?: State, path?: Path }} */
  const page = {}; // what is built last
  const changed = () => {
    page.state?.changed();
    if (page.state && !page.state.isApplying) lesson.check(textOf);
  };
  const show = (/** @type {Picture | null} */ picture, isNow = false) => {
    page.path?.pause();
    chosen.choose(picture, isNow);
    chain.choose(picture);
    changed();
  };
  // A dot's image is not on the paper: a drawing begins on nothing, or on a test image.
  const choose = (/** @type {Picture | null} */ picture, isNow = false) => {
    const { source, strokes = [] } = picture ?? {};
    const isPaper = source && (source.split === "test" || strokes.length);
    paper.put(strokes, isPaper ? imageOf(images[source.split].packed, source.number) : undefined);
    show(picture, isNow);
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
    const source = (paper.image && chosen.picture?.source) ?? null;
    show(strokes.length ? { source, strokes } : null);
  });
  for (const id of ["wipe", "close"]) at(id).addEventListener("click", () => choose(null));
  let taken = 0;
  at("take").addEventListener("click", () =>
    chooseImage("test", taken++ % images.test.labels.length),
  );

  const path = (page.path = new Path(at("path"), panels, facts.classes, changed));
  const film = new Film(at("film"), panels, addNumbers(facts), changed);
  const samples = new Samples(at("samples"), panels, facts.seed, changed);
  const vae = panels.find(({ network, facts: { priorStd } }) => network.encode && priorStd);
  const chain = new Chain(at("chain"), vae, data);
  // All that is made with the weights, or lies where the codes do.
  const onModel = (/** @type {boolean} */ isMeasured) => {
    chosen.draw();
    chain.draw();
    if (!isMeasured) return;
    if (path.isShown) path.lay();
    if (samples.isShown) samples.draw(samples.seed);
    changed();
  };
  const train = new Train(at("train"), panels, data, { onModel, onChange: changed });
  const tabs = addTabs(at("tools"), (tool) => {
    path.show(tool === "path");
    samples.show(tool === "samples");
    chain.reveal(tool === "chain");
    train.reveal(tool === "train");
    changed();
  });
  const showAll = () => {
    for (const { plane } of panels) plane.show(shows.value(), new Set(legend.pressed()));
    changed();
  };
  const legend = addLegend(at("legend"), facts.classes, facts.colours, showAll);
  const shows = addSwitch(find(document, ".switch"), showAll);
  const lesson = new Lesson(at("lesson"), facts.steps, (place) => page.state?.visit(place));
  // Fields of the address; and whether the models and the dots are the pipeline's.
  const textOf = (/** @type {string[]} */ names) => {
    const isOther = names.includes("trained") && (train.steps > 0 || !film.isOver);
    return `${page.state?.textOf(names)} ${isOther}`;
  };
  /** @type {AddressField[]} */
  const fields = [
    ...train.addressFields, // first: all else is of the trained models
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
    lesson.addressField,
  ];
  page.state = new State(fields, () => lesson.settle(textOf));
  page.state.apply();
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
