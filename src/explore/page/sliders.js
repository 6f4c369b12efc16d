// The sliders of a panel's latent dimensions, each below images along its dimension.

/** @import { Panel } from "./panel.js" */

import { button, element, find, inSlices, numberText, onceQuiet } from "./elements.js";
import { PIXELS } from "./greys.js";
import { paint, thumbnail } from "./images.js";

const PICTURES = 7; // from the lowest value of the codes to the highest
const REST = 250; // milliseconds without a change before they are made

export class Sliders {
  /**
   * @param {HTMLElement} root
   * @param {Panel} panel
   */
  constructor(root, panel) {
    this.panel = panel;
    this.stop = () => {};
    this.sliders = panel.facts.sliders.map((dim) => this.add(find(root, ".sliders"), dim));
    this.traverseSoon = onceQuiet(REST, () => this.traverse());
    root.hidden = !this.sliders.length;
  }

  /**
   * Moving a slider leaves all other dimensions where they are. Its images are for pointers: what
   * they do, the slider does by keyboard.
   * @param {HTMLElement} root
   * @param {number} dim
   */
  add(root, dim) {
    const { panel } = this;
    const [min, max] = [panel.facts.codeLow[dim], panel.facts.codeHigh[dim]];
    const name = `z${dim + 1}`;
    const step = (max - min) / 1000 || 1;
    const input = /** @type {HTMLInputElement} */ (
      element("input", { type: "range", min, max, step, "aria-label": name })
    );
    const go = (/** @type {number} */ value) => {
      panel.handlers.onTouch();
      panel.goTo(codeWith(panel.code, dim, value));
    };
    input.addEventListener("input", () => go(Number(input.value)));
    const pictures = Array.from({ length: PICTURES }, (_, i) => {
      const value = min + ((max - min) * i) / (PICTURES - 1);
      const canvas = thumbnail(new Float32Array(PIXELS));
      const label = `${panel.title}: go to ${name} ${numberText(value)}`;
      const attributes = { class: "thumb", "aria-label": label, tabindex: -1 };
      return { dim, value, canvas, item: button(attributes, () => go(value), canvas) };
    });
    const items = pictures.map(({ item }) => element("li", {}, item));
    const number = element("span", { class: "number", "aria-hidden": "true" });
    const label = element("span", { "aria-hidden": "true" }, name);
    const row = element("ol", { class: "strip", "aria-label": `images along ${name}` }, ...items);
    root.append(element("div", { class: "slider" }, row, label, input, number));
    return { dim, input, number, pictures };
  }

  // Where the point is; the images follow once it rests.
  show() {
    const { code } = this.panel;
    for (const { dim, input, number } of this.sliders) {
      const text = numberText(code[dim]);
      input.value = String(code[dim]);
      input.setAttribute("aria-valuetext", text);
      number.textContent = text;
    }
    this.stop();
    this.traverseSoon();
  }

  traverse() {
    const { code, network } = this.panel;
    const waiting = this.sliders.flatMap(({ pictures }) => pictures).reverse();
    const work = () => {
      const picture = waiting.pop();
      if (picture)
        paint(picture.canvas, network.decode(codeWith(code, picture.dim, picture.value)));
      return waiting.length > 0;
    };
    this.stop = inSlices(work, () => {});
  }
}

/** @type {(code: Float32Array, dim: number, value: number) => Float32Array} */
function codeWith(code, dim, value) {
  return code.map((before, i) => (i === dim ? value : before));
}
