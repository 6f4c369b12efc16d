// Starts the page: unpacks its data, then fills in the panels, the drawing and the numbers.

import { Drawing } from "./drawing.js";
import { short } from "./elements.js";
import { imageOf, paint } from "./images.js";
import { layersOf } from "./network.js";
import { lossChart, metricRows, parameterList } from "./numbers.js";
import { Panel } from "./panel.js";
import { Space } from "./space.js";
import { unpack } from "./unpack.js";

const at = (id) => document.getElementById(id);

async function read() {
  const facts = JSON.parse(at("facts").textContent);
  const names = Object.keys(facts.kinds);
  const unpacked = await Promise.all(names.map((name) => unpack(name, facts.kinds[name])));
  return { facts, arrays: Object.fromEntries(names.map((name, i) => [name, unpacked[i]])) };
}

// Everything of one model that its panel needs.
function modelOf(facts, arrays) {
  const array = (key) => arrays[`${facts.name}-${key}`];
  return {
    title: facts.title,
    facts,
    space: new Space(facts, array("mean"), array("axes"), array("train"), array("test")),
    layers: layersOf(facts.shapes, array("weights")),
    ends: facts.ends.map((_, i) => array("ends").subarray(i * facts.dims, (i + 1) * facts.dims)),
  };
}

function addPanels({ facts, arrays }) {
  const split = (name) => ({ packed: arrays[`${name}-images`], labels: arrays[`${name}-labels`] });
  const data = { ...facts, images: { train: split("train"), test: split("test") } };
  return facts.models.map((model) => {
    const root = at("panel").content.cloneNode(true).firstElementChild;
    root.id = model.name;
    root.setAttribute("aria-label", model.title);
    at("models").append(root);
    return new Panel(root, data, modelOf(model, arrays));
  });
}

function addDrawing(panels, test) {
  const show = (greys) => {
    paint(at("seen"), greys, "the drawing as the encoders see it: 28 by 28 pixels");
    at("drawn").replaceChildren(...panels.map((panel) => panel.showDrawing(greys)));
    at("drawn-all").hidden = false;
  };
  const drawing = new Drawing(at("paper"), show);
  at("wipe").addEventListener("click", () => drawing.clear());
  let next = 0;
  at("take").addEventListener("click", () => {
    const greys = imageOf(test, next++);
    drawing.put(greys);
    show(greys);
  });
}

function addNumbers({ facts }) {
  at("parameters").append(...parameterList(facts.parameters));
  const [head, ...rows] = metricRows(facts.models);
  at("metrics").tHead.append(head);
  at("metrics").tBodies[0].append(...rows);
  at("losses").append(...facts.models.map(lossChart));
}

// How fast and how exact the page computes.
function addMeasures(panels, { facts }) {
  const differences = facts.models.map(({ title, difference }) => `${title} ${difference}`).join(", ");
  at("exact").textContent = `At ${facts.probes} codes of test images, pixels differ from PyTorch's by at most (of 255): ${differences}.`;
  const first = short(performance.now() / 1000, 2);
  const times = panels.map((panel) => `${panel.title} ${short(panel.decodeTime(), 2)}`).join(", ");
  at("time").textContent = `The page was there after ${first} seconds; a decode takes, in milliseconds: ${times}.`;
}

async function start() {
  if (!("DecompressionStream" in window && "at" in Array.prototype)) {
    at("status").textContent = "This page needs a newer browser: Chrome or Edge 92, Firefox 113, Safari 16.4, or later.";
    return;
  }
  try {
    const found = await read();
    document.title = `Latent space of ${found.facts.dataset}`;
    at("title").textContent = document.title;
    at("content").hidden = false;
    const panels = addPanels(found);
    addDrawing(panels, found.arrays["test-images"]);
    addNumbers(found);
    at("status").hidden = true;
    requestAnimationFrame(() => setTimeout(() => addMeasures(panels, found))); // after the first picture
  } catch (error) {
    at("content").hidden = true;
    at("status").textContent = `This page is damaged (${error.message}): get it again, or make it again with \`dvc repro\`.`;
  }
}

start();
