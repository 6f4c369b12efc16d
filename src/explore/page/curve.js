// The curve below a film strip: how far the nearest code is, all along a path.

import { element, length, svg } from "./elements.js";

const [WIDTH, HEIGHT] = [300, 64];

/**
 * Draws the curve into a figure; gives what moves its dot to a share of the way.
 * @param {HTMLElement} figure
 * @param {number[]} distances at even steps
 * @param {number} usual how far a code lies from the nearest other one, at most
 * @returns {(share: number) => void}
 */
export function drawCurve(figure, distances, usual) {
  const most = Math.max(...distances);
  const high = Math.max(most, 2 * usual);
  const x = (/** @type {number} */ step) => (WIDTH * step) / (distances.length - 1);
  const y = (/** @type {number} */ distance) => HEIGHT - 4 - (HEIGHT - 8) * (distance / high);
  const points = distances.map(
    (distance, step) => `${x(step).toFixed(1)},${y(distance).toFixed(1)}`,
  );
  const about = "dashed: the most between codes";
  const words = `Distance to the nearest code: at most ${length(most)}; ${about}.`;
  const dot = svg("circle", { r: 4 });
  const chart = svg(
    "svg",
    { viewBox: `-5 0 ${WIDTH + 10} ${HEIGHT}`, role: "img", "aria-label": words },
    svg("line", { class: "usual", x1: 0, x2: WIDTH, y1: y(usual), y2: y(usual) }),
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
