// How chance gets into a code: x, mu and sigma, epsilon, z, and the image, for the image chosen.

/** @import { Data } from "./data.js" */
/** @import { Panel } from "./panel.js" */
/** @import { Encoded } from "./network.js" */
/** @import { Picture } from "./picture.js" */

import { button, element, find, numberText, oncePerFrame, svg } from "./elements.js";
import { encode, lossWords } from "./chosen.js";
import { paint } from "./images.js";
import { klDivergence } from "./loss.js";
import { greysOf } from "./picture.js";
import { normals } from "./normals.js";

const SHOWN = 2; // dimensions that have numbers and a part of epsilon that is moved by hand
const REACH = 3; // standard deviations of epsilon
const SCALE = 50 / REACH; // of the square on which epsilon moves, whose sides are 2 * 54

export class Chain {
  /**
   * @param {HTMLElement} root
   * @param {Panel | undefined} panel of a VAE that the page computes; without one there are words
   * @param {Data} data
   */
  constructor(root, panel, data) {
    this.root = root;
    this.panel = panel;
    this.data = data;
    this.normal = normals(data.facts.seed);
    /** @type {Picture} */
    this.picture = { source: { split: "train", number: 0 }, strokes: [] };
    /** @type {number[]} */
    this.epsilon = new Array(panel?.space.dims ?? 0).fill(0);
    /** @type {number[]} */
    this.dims = []; // that are shown: those whose posterior is farthest from the prior
    this.isMoved = false; // by hand: the point on the plane goes to z
    this.isShown = false;
    this.draw = oncePerFrame(() => this.show());
    find(root, ".flow").hidden = !panel;
    find(root, ".none").hidden = Boolean(panel);
    if (!panel) return;
    this.sliders = Array.from({ length: Math.min(SHOWN, panel.space.dims) }, (_, i) =>
      this.addSlider(i),
    );
    this.dot = svg("circle", { r: 6 });
    find(root, ".pad").append(this.addPad(this.dot));
    find(root, ".buttons").append(
      button({ class: "draw" }, () => this.move(this.epsilon.map(this.normal)), "Draw epsilon"),
      button({ class: "zero" }, () => this.move(this.epsilon.map(() => 0)), "To the mean"),
    );
  }

  /** @param {number} i which of the dimensions that are shown */
  addSlider(i) {
    const range = { type: "range", min: -REACH, max: REACH, step: 0.05 };
    const input = /** @type {HTMLInputElement} */ (element("input", range));
    const label = element("label", { class: "slider" }, element("span"), input);
    input.addEventListener("input", () => {
      this.set(this.dims.map((dim, at) => (at === i ? Number(input.value) : this.epsilon[dim])));
    });
    find(this.root, ".epsilon").append(label);
    return { input, label };
  }

  /**
   * A square on which epsilon is moved by hand, with the rings of its distribution.
   * @param {SVGElement} dot
   */
  addPad(dot) {
    const rings = [1, 2, 3].map((r) => svg("circle", { class: "ring", r: r * SCALE }));
    const pad = svg("svg", { viewBox: "-54 -54 108 108", "aria-hidden": "true" }, ...rings, dot);
    let isDown = false;
    const follow = (/** @type {PointerEvent} */ event) => {
      const box = pad.getBoundingClientRect();
      const at = [event.clientX - box.left, event.clientY - box.top];
      const [x, y] = at
        .map((pixels) => ((pixels / box.width) * 108 - 54) / SCALE)
        .map((value) => Math.max(-REACH, Math.min(REACH, value)));
      this.set([x, -y]);
    };
    pad.addEventListener("pointerdown", (event) => {
      isDown = true;
      pad.setPointerCapture(event.pointerId);
      follow(event);
    });
    pad.addEventListener("pointermove", (event) => isDown && follow(event));
    for (const end of ["pointerup", "pointercancel"])
      pad.addEventListener(end, () => (isDown = false));
    return pad;
  }

  /** @param {number[]} values of epsilon in the dimensions that are shown */
  set(values) {
    const epsilon = [...this.epsilon];
    this.dims.forEach((dim, i) => (epsilon[dim] = values[i]));
    this.move(epsilon);
  }

  /** @param {number[]} epsilon */
  move(epsilon) {
    [this.epsilon, this.isMoved] = [epsilon, true];
    this.draw();
  }

  /** @param {Picture | null} picture without one, the last stays */
  choose(picture) {
    if (picture) this.picture = picture;
    this.epsilon.fill(0);
    this.draw();
  }

  /** @param {boolean} isShown */
  reveal(isShown) {
    this.isShown = isShown;
    this.draw();
  }

  show() {
    const { panel, root, epsilon, isShown } = this;
    if (!panel || !isShown) return;
    const greys = greysOf(this.picture, this.data.images);
    const encoded = /** @type {Required<Encoded>} */ (encode(panel, this.picture, greys));
    const { code: mu, std: sigma } = encoded;
    const kls = klDivergence(mu, sigma, panel.space.priorStd ?? 1);
    const order = [...epsilon.keys()].sort((a, b) => kls[b] - kls[a]);
    this.dims = order.slice(0, SHOWN).sort((a, b) => a - b);
    const z = mu.map((mean, i) => mean + sigma[i] * epsilon[i]);
    const image = panel.network.decode(z);
    paint(find(root, ".x"), greys, "x, the image");
    paint(find(root, ".image-of-z"), image, "the image of z");
    this.showNumbers({ mu, sigma, epsilon, z });
    find(root, ".loss").textContent = lossWords(panel.facts, greys, image, encoded);
    if (this.isMoved) panel.goTo(z);
    this.isMoved = false;
  }

  /** @param {Record<string, ArrayLike<number>>} rows (dims) each */
  showNumbers(rows) {
    const { dims, root, epsilon, sliders = [], dot } = this;
    const heads = dims.map((dim) => element("th", { scope: "col" }, `z${dim + 1}`));
    const lines = Object.entries(rows).map(([name, values]) => {
      const cells = dims.map((dim) => element("td", {}, numberText(values[dim])));
      return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
    });
    find(root, "tbody").replaceChildren(element("tr", {}, element("td"), ...heads), ...lines);
    sliders.forEach(({ input, label }, i) => {
      find(label, "span").textContent = `epsilon ${dims[i] + 1}`;
      input.value = String(epsilon[dims[i]]);
      input.setAttribute("aria-valuetext", numberText(epsilon[dims[i]]));
    });
    dot?.setAttribute("cx", String(epsilon[dims[0]] * SCALE));
    dot?.setAttribute("cy", String(-(epsilon[dims[1]] ?? 0) * SCALE));
    const others = epsilon.length - dims.length;
    find(root, ".others").textContent = others
      ? `${others} further dimensions, whose posteriors are nearer to the prior, are not listed.`
      : "";
  }
}
