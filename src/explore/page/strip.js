// What one model shows of a path: the image at the point, a film strip, and below it a curve of how
// far the nearest code is, in the usual distance between neighbours: units of two models differ.

/** @import { Panel } from "./panel.js" */

import { distanceText, element, inSlices, svg } from "./elements.js";
import { imageButton, paint, thumbnail } from "./images.js";

const PICTURES = 8; // of the film strip
const STEPS = 60; // of the curve
const [WIDTH, HEIGHT] = [300, 64]; // of the curve

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
    panel.watchers.push(() => paint(frame, panel.network.decode(panel.code)));
    const way = element("div", {}, this.list, this.figure);
    root.append(element("div", { class: "row" }, element("h3", {}, title), frame, way));
  }

  /**
   * Shows another path.
   * @type {(codeAt: (share: number) => Float32Array, go: (share: number) => void) => void}
   */
  lay(codeAt, go) {
    const { title, network, space } = this.panel;
    const pictures = Array.from({ length: PICTURES }, (_, i) => {
      const share = i / (PICTURES - 1);
      const label = `${title}: go to ${Math.round(100 * share)} % of the way`;
      return imageButton(network.decode(codeAt(share)), label, () => go(share));
    });
    this.list.replaceChildren(...pictures);
    const { usual, most } = space.spacing;
    const unit = usual || 1;
    /** @type {number[]} */
    const distances = [];
    const work = () => {
      distances.push(space.nearest(codeAt(distances.length / STEPS), 1)[0].distance / unit);
      return distances.length <= STEPS;
    };
    this.stop(); // the curve of an earlier path
    this.stop = inSlices(work, () => {
      if (distances.length <= STEPS) return;
      this.moveDot = drawCurve(this.figure, distances, most / unit);
      this.moveDot(this.share);
    });
  }

  /** @param {number} share of the way, at which the point is now */
  move(share) {
    this.share = share;
    this.moveDot?.(share);
  }
}

/**
 * Draws the curve into a figure; gives what moves its dot to a share of the way.
 * @param {HTMLElement} figure
 * @param {number[]} distances at even steps
 * @param {number} limit the distance within which 199 of 200 codes have another one
 * @returns {(share: number) => void}
 */
function drawCurve(figure, distances, limit) {
  const highest = Math.max(...distances);
  const high = Math.max(highest, 2 * limit);
  const x = (/** @type {number} */ step) => (WIDTH * step) / (distances.length - 1);
  const y = (/** @type {number} */ distance) => HEIGHT - 4 - (HEIGHT - 8) * (distance / high);
  const points = distances.map(
    (distance, step) => `${x(step).toFixed(1)},${y(distance).toFixed(1)}`,
  );
  const words =
    `The nearest code is at most ${distanceText(highest)} times as far as neighbours usually ` +
    `are; dashed: ${distanceText(limit)} times, within which 199 of 200 codes have a neighbour.`;
  const dot = svg("circle", { r: 4 });
  const chart = svg(
    "svg",
    { viewBox: `-5 0 ${WIDTH + 10} ${HEIGHT}`, role: "img", "aria-label": words },
    svg("line", { class: "usual", x1: 0, x2: WIDTH, y1: y(limit), y2: y(limit) }),
    svg("polyline", { class: "curve", points: points.join(" ") }),
    dot,
  );
  figure.replaceChildren(chart, element("figcaption", { class: "quiet" }, words));
  return (share) => {
    const step = Math.round(share * (distances.length - 1));
    dot.setAttribute("cx", String(x(step)));
    dot.setAttribute("cy", String(y(distances[step])));
  };
}
