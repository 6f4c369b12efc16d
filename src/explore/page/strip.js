// What one model shows of a path: the image at the point, a film strip, and a curve.

import { drawCurve } from "./curve.js";
import { button, element, inSlices } from "./elements.js";
import { paint, thumbnail } from "./images.js";

const PICTURES = 8; // of the film strip
const STEPS = 60; // of the curve

/** @typedef {import("./panel.js").Panel} Panel */

export class Strip {
  /**
   * @param {HTMLElement} root to which it is added
   * @param {Panel} panel
   */
  constructor(root, panel) {
    this.panel = panel;
    this.list = element("ol", { class: "strip" });
    this.figure = element("figure", { class: "curve-figure" });
    this.stop = () => {};
    this.share = 0;
    /** @type {((share: number) => void) | undefined} */
    this.moveDot = undefined;
    const { title, network, code } = panel;
    const frame = thumbnail(network.decode(code), `${title}: the image at the point`);
    panel.watchers.push(() => paint(frame, network.decode(panel.code)));
    const way = element("div", { class: "way" }, this.list, this.figure);
    root.append(element("div", { class: "row" }, element("h3", {}, title), frame, way));
  }

  /**
   * Shows another path.
   * @param {(share: number) => Float32Array} codeAt
   * @param {(share: number) => void} go
   */
  lay(codeAt, go) {
    const { title, network, space } = this.panel;
    const pictures = Array.from({ length: PICTURES }, (_, i) => {
      const share = i / (PICTURES - 1);
      const label = `${title}: go to ${Math.round(100 * share)} % of the way`;
      const image = thumbnail(network.decode(codeAt(share)));
      const link = button({ class: "thumb", "aria-label": label }, () => go(share), image);
      return element("li", {}, link);
    });
    this.list.replaceChildren(...pictures);
    /** @type {number[]} */
    const distances = [];
    const work = () => {
      distances.push(space.nearest(codeAt(distances.length / STEPS), 1)[0].distance);
      return distances.length <= STEPS;
    };
    this.stop(); // the curve of an earlier path
    this.stop = inSlices(work, () => {
      if (distances.length <= STEPS) return;
      this.moveDot = drawCurve(this.figure, distances, space.spacing.most);
      this.moveDot(this.share);
    });
  }

  /** @param {number} share of the way, at which the point is now */
  move(share) {
    this.share = share;
    this.moveDot?.(share);
  }
}
