// One model's panel: its plane, the point in its latent space, and everything that shows or moves
// that point.

/** @import { Data, Model } from "./data.js" */
/** @import { Network } from "./network.js" */
/** @import { Earlier } from "./plane.js" */
/** @import { Axis } from "./space.js" */
/** @import { AddressField } from "./state.js" */

import { Choice } from "./choice.js";
import { announcer, distanceText, element, find, numberText, oncePerFrame } from "./elements.js";
import { imageOf } from "./greys.js";
import { imageButton, paint } from "./images.js";
import { Plane } from "./plane.js";
import { Sliders } from "./sliders.js";
import { numbersIn, textOf } from "./state.js";
import { CLOSER } from "./view.js";

const NEAR = 5;

/**
 * A state of a model that was trained in the page.
 * @typedef {object} Now
 * @property {Network} network
 * @property {Float32Array | null} codes (n, dims) in a row, of the first n training images; null:
 *   the dots stay as they are
 * @property {string} words a short mark, such as "trained here, 60 steps"
 */

/**
 * @typedef {object} PanelHandlers
 * @property {(number: number) => void} onPick a training image
 * @property {() => void} onTouch the plane was touched by hand
 * @property {() => void} onChange
 */

export class Panel {
  /**
   * @param {HTMLElement} parent to which it is added
   * @param {Data} data
   * @param {Model} model
   * @param {PanelHandlers} handlers
   */
  constructor(parent, data, model, handlers) {
    this.data = data;
    this.model = model;
    this.handlers = handlers;
    this.facts = model.facts;
    this.title = model.facts.title;
    this.frames = model.frames;
    /** @type {Float32Array} */
    this.code = model.space.mean;
    /** @type {Map<number, Float32Array>} */
    this.ends = new Map(); // codes of middle images, encoded anew
    /** @type {(() => void)[]} */
    this.watchers = [];
    this.draw = oncePerFrame(() => this.show());

    const template = /** @type {HTMLTemplateElement} */ (find(document, "#panel"));
    parent.append(template.content.cloneNode(true));
    const root = /** @type {HTMLElement} */ (parent.lastElementChild);
    this.root = root;
    root.id = this.facts.name;
    root.setAttribute("aria-label", this.title);
    this.announce = announcer(find(root, ".announcement"));
    find(root, ".name").textContent = this.title;
    find(root, ".plane").setAttribute("aria-label", `${this.title}: the point that is decoded`);
    find(root, ".about").textContent = this.aboutTheDots();
    this.plane = new Plane(find(root, ".plane"), data.facts, model, {
      onMove: (place) => this.moveTo(this.space.codeAfterMoving(this.code, place)),
      onDot: (number) => handlers.onPick(number),
      onOpen: () => handlers.onPick(this.space.nearest(this.code, 1)[0].number),
      onTouch: () => handlers.onTouch(),
      onView: () => this.showView(),
    });
    this.choice = new Choice(find(root, ".axes"), this);
    this.sliders = new Sliders(find(root, ".dims"), this);
    this.listenToButtons();
    this.showView();
    this.draw();
  }

  // What the model is now, in the state that `become` has set.
  get space() {
    return this.model.space;
  }

  get network() {
    return this.model.network;
  }

  get isTrained() {
    return this.network === this.model.trained.network;
  }

  /**
   * Show another state of the model, trained in the page; or with null the trained one again.
   * What others have marked on the plane, such as an image, they mark anew.
   * @param {Now | null} now
   */
  become(now) {
    const { model, root } = this;
    const { trained, space } = model;
    model.network = now?.network ?? trained.network;
    if (!now) model.space = trained.space;
    else if (now.codes) model.space = trained.space.withCodes(now.codes);
    this.ends.clear();
    find(root, ".trained-here").hidden = !now;
    find(root, ".trained-here span").textContent = now?.words ?? "";
    const hasOtherDots = model.space !== space;
    if (hasOtherDots) {
      find(root, ".about").textContent = this.aboutTheDots();
      this.choice.showShare();
    }
    this.draw();
    this.plane.renew(hasOtherDots);
  }

  /**
   * See the plane along other axes.
   * @param {Axis[]} axes of the trained space
   */
  showAxes(axes) {
    const { space, model } = this;
    if (axes.every((axis, i) => axis === space.shown[i])) return;
    for (const each of new Set([model.trained.space, space])) each.show(axes);
    this.choice.show();
    this.plane.showAxes();
    this.draw();
  }

  /**
   * Show dots of an earlier epoch, on the axes that the film knows; with null, those of now.
   * @param {Earlier | null} earlier
   */
  showEarlier(earlier) {
    if (earlier) this.showAxes(this.model.trained.space.firstAxes);
    this.choice.lock(earlier !== null);
    this.plane.showEarlier(earlier);
  }

  /**
   * The code of the training image in the middle of a class, one of `facts.endLabels`.
   * @param {number} label
   */
  endCode(label) {
    const { facts, network, model, ends, data } = this;
    const at = facts.endLabels.indexOf(label);
    if (this.isTrained || !network.encode) return model.trained.endCodes[at];
    const code =
      ends.get(label) ??
      network.encode(imageOf(data.images.train.packed, facts.endNumbers[at])).code;
    ends.set(label, code);
    return code;
  }

  // Sentences on what its dots are.
  aboutTheDots() {
    const { space } = this;
    const { dims, priorStd } = this.facts;
    const shown = space.count.toLocaleString("en");
    const count = space === this.model.trained.space ? shown : `the first ${shown}`;
    const codes = priorStd === null ? "codes" : "posterior means";
    const where = dims <= 2 ? "" : `, of ${dims} dimensions`;
    const distances = space.axesAreComplete
      ? ""
      : ` Distances are along the first ${space.axes.length} principal components, ` +
        `which hold ${(100 * this.facts.share).toFixed(1)} %.`;
    const live = this.network.encode
      ? ""
      : " The page does not know this model\u2019s arithmetic, so it cannot decode live: " +
        "it shows the nearest of the images that were decoded when it was made.";
    return `The ${codes} of ${count} training images${where}.${distances}${live}`;
  }

  listenToButtons() {
    const { plane } = this;
    const { view } = plane;
    const pan = (/** @type {number} */ x, /** @type {number} */ y) =>
      plane.look(() => view.pan((x * view.size[0]) / 4, (y * view.size[1]) / 4));
    /** @type {Record<string, () => void>} */
    const acts = {
      ".closer": () => plane.zoom(CLOSER),
      ".farther": () => plane.zoom(1 / CLOSER),
      ".whole": () => plane.look(() => view.goHome()),
      ".left": () => pan(1, 0),
      ".right": () => pan(-1, 0),
      ".up": () => pan(0, 1),
      ".down": () => pan(0, -1),
      ".mean": () => this.goTo(this.space.mean),
      // The whole panel, so that the decoded image stays beside its plane.
      ".full": () =>
        document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen(),
      ".let-go": () => plane.hold(false),
      ".past": () => this.passBy(),
    };
    for (const [selector, act] of Object.entries(acts))
      find(this.root, selector).addEventListener("click", act);
    find(this.root, ".full").hidden = !document.fullscreenEnabled;
    this.root.addEventListener("fullscreenchange", () => {
      const isFull = document.fullscreenElement === this.root;
      find(this.root, ".full").textContent = isFull ? "Leave full screen" : "Full screen";
    });
  }

  // On to what follows the panel, for those who come by the keyboard.
  passBy() {
    const next = this.root.nextElementSibling?.querySelector("input");
    (next ?? find(document, "#chosen-title")).focus();
  }

  /**
   * @param {Float32Array} code
   * @param {boolean} [isHeld] a mouse over the plane does not move it
   */
  goTo(code, isHeld = true) {
    if (isHeld) this.plane.hold(true);
    this.moveTo(code);
    this.plane.follow(this.space.toPlane(code));
  }

  /** @param {Float32Array} code */
  moveTo(code) {
    this.code = code;
    this.plane.marks.point = code;
    this.draw();
    this.handlers.onChange();
  }

  // All that depends on the point; at most once for each frame.
  show() {
    const { space, root } = this;
    const place = space.toPlane(this.code);
    const where = space.shown
      .map(({ name }, axis) => `${name} ${numberText(place[axis])}`)
      .join(", ");
    const near = space.nearest(this.code, NEAR);
    const isFar = near[0].distance > space.spacing.most;
    const decoded = /** @type {HTMLCanvasElement} */ (find(root, ".decoded"));
    paint(decoded, this.network.decode(this.code), `${this.title}: the image decoded at ${where}`);
    decoded.classList.toggle("far", isFar);
    find(root, ".coordinates").textContent = where;
    find(root, ".near-words").textContent = this.nearWords(near[0].distance);
    this.showNear(near);
    this.plane.mark({ point: this.code, near: near.map(({ number }) => number) });
    this.sliders.show();
    const classes = near.map(({ number }) => this.className(number)).join(", ");
    this.announce(`${where}; near: ${classes}. ${isFar ? "No training image is near here." : ""}`);
    for (const watch of this.watchers) watch();
  }

  /** @param {number} distance of the nearest code */
  nearWords(distance) {
    const { usual, most } = this.space.spacing;
    if (distance < usual / 50) return "This is the code of a training image.";
    // Not in the space's own units: those of two models cannot be compared.
    const times = distanceText(distance / (usual || 1));
    const near = `Nearest code: ${times} times the usual distance.`;
    return distance <= most ? near : `No training image is near here. ${near}`;
  }

  /** @param {number} number of a training image */
  className(number) {
    return this.data.facts.classes[this.data.images.train.labels[number]];
  }

  /** @param {{ number: number, distance: number }[]} near */
  showNear(near) {
    const items = near.map(({ number, distance }) => {
      const name = this.className(number);
      const label = `training image ${number}: ${name}, distance ${distance.toFixed(4)}`;
      const greys = imageOf(this.data.images.train.packed, number);
      const pick = () => this.handlers.onPick(number);
      return imageButton(greys, label, pick, element("span", {}, name));
    });
    const list = find(this.root, ".nearest");
    const at = Array.from(list.children).findIndex((item) => item.contains(document.activeElement));
    list.replaceChildren(...items);
    if (at >= 0)
      items[Math.min(at, items.length - 1)].querySelector("button")?.focus({ preventScroll: true });
  }

  showView() {
    this.root.classList.toggle("closer-view", !this.plane.view.isHome);
    this.handlers.onChange();
  }

  /**
   * The point: its code, or its place on the plane if the page does not have all axes.
   * @returns {AddressField}
   */
  get pointField() {
    const { space, plane } = this;
    const { mean } = space;
    const isCode = space.axesAreComplete;
    return {
      name: this.facts.name,
      read: () => (plane.isHeld ? textOf(isCode ? this.code : space.toPlane(this.code)) : ""),
      apply: (text) => {
        const numbers = numbersIn(text);
        if (numbers.length === (isCode ? space.dims : 2)) {
          this.goTo(isCode ? Float32Array.from(numbers) : space.codeAfterMoving(mean, numbers));
        } else if (!plane.marks.image) {
          plane.hold(false); // an image that was chosen has moved the point
          this.goTo(mean, false);
        }
      },
    };
  }

  /**
   * The part of the plane that is seen: its middle, and how many units along the shorter side.
   * @returns {AddressField}
   */
  get viewField() {
    const { plane, space } = this;
    const { view } = plane;
    const axes = space.isLine ? 1 : 2;
    return {
      name: `${this.facts.name}.view`,
      read: () =>
        view.unitsShown === null ? "" : textOf([...view.centre.slice(0, axes), view.unitsShown]),
      apply: (text) => {
        const numbers = numbersIn(text);
        const units = numbers.pop() ?? 0;
        plane.look(() => {
          if (units > 0 && numbers.length === axes) view.look(numbers, units);
          else view.goHome();
        });
      },
    };
  }
}

/**
 * Small planes that show what the large ones mark, for screens on which those are out of sight.
 * @type {(root: HTMLElement, panels: Panel[]) => void}
 */
export function addSmallPlanes(root, panels) {
  for (const { title, plane, data, model } of panels) {
    const small = element(
      "div",
      { class: "plane small" },
      element("canvas", { role: "img" }),
      element("canvas", { "aria-hidden": "true" }),
    );
    root.append(element("figure", {}, small, element("figcaption", {}, title)));
    plane.copies.push(new Plane(small, data.facts, model));
  }
}
