// One model's panel: its plane, the point in its latent space, and everything that shows or moves
// that point.

import { addButtons, addSlider } from "./controls.js";
import { button, element, length, oncePerFrame, onceQuiet, part, short } from "./elements.js";
import { imageOf, paint, thumbnail } from "./images.js";
import { addKeys, follow } from "./keys.js";
import { aboutOf, partsOf } from "./parts.js";
import { Plane } from "./plane.js";
import { pointPart, viewPart } from "./places.js";

const NEAR = 5;
const QUIET = 600; // milliseconds without a move before a screen reader is told

/**
 * @typedef {object} Outside
 * @property {(number: number) => void} onPick a training image
 * @property {() => void} onTouch the plane was touched by hand
 * @property {() => void} onChange
 */

export class Panel {
  /**
   * @param {HTMLElement} root
   * @param {import("./types.js").Data} data
   * @param {import("./types.js").Model} model
   * @param {{ light: string[], dark: string[] }} colours
   * @param {Outside} outside
   */
  constructor(root, data, model, colours, outside) {
    Object.assign(this, { root, data, outside });
    this.root = root;
    this.data = data;
    this.outside = outside;
    this.facts = model.facts;
    this.title = model.facts.title;
    this.space = model.space;
    this.network = model.network;
    this.ends = model.ends;
    this.frames = model.frames;
    this.start = model.space.toPlane(model.space.mean);
    /** @type {Float32Array} */
    this.code = Float32Array.from(model.space.mean);
    /** @type {((panel: Panel) => void)[]} */
    this.watchers = [];
    this.draw = oncePerFrame(() => this.show());
    const announcement = part(root, ".announcement");
    this.announce = onceQuiet(
      QUIET,
      (/** @type {string} */ words) => (announcement.textContent = words),
    );
    part(root, ".name").textContent = this.title;
    part(root, ".plane").setAttribute("aria-label", `${this.title}: the point that is decoded`);
    part(root, ".about").textContent = aboutOf(this);
    this.parts = partsOf(this, colours);
    this.plane = new Plane(part(root, ".plane"), this.parts, {
      onMove: (place) => this.moveTo(this.space.moved(this.code, place)),
      onDot: (number) => outside.onPick(number),
      onTouch: () => outside.onTouch(),
      onView: () => this.showView(),
    });
    this.writeKeys = addKeys(this.plane, {
      onMove: (place) => this.moveTo(this.space.moved(this.code, place)),
      onOpen: () => outside.onPick(this.space.nearest(this.code, 1)[0].number),
      onTouch: () => outside.onTouch(),
    });
    this.sliders = this.facts.sliders.map((dim) => addSlider(this, dim));
    part(root, ".dims").hidden = !this.sliders.length;
    addButtons(this);
    this.showView();
    this.draw();
  }

  /**
   * @param {Float32Array} code
   * @param {boolean} [isHeld] a mouse over the plane does not move it
   */
  goTo(code, isHeld = true) {
    if (isHeld) this.plane.hold(true);
    this.moveTo(code);
    follow(this.plane, this.space.toPlane(code));
  }

  /** @param {Float32Array} code */
  moveTo(code) {
    this.code = code;
    this.plane.marks.point = this.space.toPlane(code);
    this.draw();
    this.outside.onChange();
  }

  // All that depends on the point; at most once for each frame.
  show() {
    const { space, root } = this;
    const place = space.toPlane(this.code);
    const names = space.isPlane ? space.names : ["PC 1", "PC 2"];
    const where = names.map((name, axis) => `${name} ${short(place[axis])}`).join(", ");
    const near = space.nearest(this.code, NEAR);
    const isFar = near[0].distance > space.spacing.most;
    paint(
      part(root, ".decoded"),
      this.network.decode(this.code),
      `${this.title}: the image decoded at ${where}`,
    );
    part(root, ".decoded").classList.toggle("far", isFar);
    part(root, ".coordinates").textContent = where;
    part(root, ".near-words").textContent = this.nearWords(near[0].distance);
    this.showNear(near);
    this.writeKeys(place);
    this.plane.mark({ point: place, near: near.map(({ number }) => space.dot(number)) });
    this.sliders.forEach(({ dim, input, number }) => {
      input.value = String(this.code[dim]);
      input.setAttribute("aria-valuetext", short(this.code[dim]));
      number.textContent = short(this.code[dim]);
    });
    const classes = near.map(({ number }) => this.className(number)).join(", ");
    this.announce(`${where}; near: ${classes}. ${isFar ? "No training image is near here." : ""}`);
    for (const watch of this.watchers) watch(this);
  }

  /** @param {number} distance of the nearest code */
  nearWords(distance) {
    const { usual, most } = this.space.spacing;
    if (distance < usual / 50) return "This is the code of a training image.";
    const away = `${length(distance)} away`;
    if (distance <= most) return `The nearest code is ${away}.`;
    const near = `the nearest code is ${away}, usual is ${length(usual)}`;
    return `No training image is near here: ${near}.`;
  }

  /** @param {number} number of a training image */
  className(number) {
    return this.data.classes[this.data.images.train.labels[number]];
  }

  /** @param {{ number: number, distance: number }[]} near */
  showNear(near) {
    const items = near.map(({ number, distance }) => {
      const name = this.className(number);
      const label = `training image ${number}: ${name}, distance ${distance.toFixed(4)}`;
      const image = thumbnail(imageOf(this.data.images.train.packed, number));
      const below = element("span", {}, name);
      return element(
        "li",
        {},
        button(
          { class: "thumb", "aria-label": label },
          () => this.outside.onPick(number),
          image,
          below,
        ),
      );
    });
    const list = part(this.root, ".nearest");
    const at = Array.from(list.children).findIndex((item) => item.contains(document.activeElement));
    list.replaceChildren(...items);
    if (at >= 0)
      items[Math.min(at, items.length - 1)].querySelector("button")?.focus({ preventScroll: true });
  }

  /**
   * Mark an image: its code, and its posterior's standard deviation if it has one.
   * @param {{ code: Float32Array, std?: Float32Array } | null} image
   */
  markImage(image) {
    const mark = image && {
      place: this.space.toPlane(image.code),
      ellipse: image.std && this.space.ellipse(image.std),
    };
    this.plane.mark({ image: mark });
  }

  // On to what follows the panel, for those who come by the keyboard.
  passBy() {
    const next =
      this.root.nextElementSibling?.querySelector("input") ?? part(document, "#chosen-title");
    /** @type {HTMLElement} */ (next).focus();
  }

  showView() {
    this.root.classList.toggle("closer-view", !this.plane.view.isHome);
    this.outside.onChange();
  }

  // The point and the view, for the address.
  get stateParts() {
    return [pointPart(this), viewPart(this)];
  }
}
