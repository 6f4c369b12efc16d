// The plots of a training in the page: rate against distortion, and the KL divergence of each
// dimension.

/** @import { Measured } from "./worker.js" */

import { element, numberText, svg } from "./elements.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [300, 190, 44, 34, 10, 12];

/**
 * Where the model has been: the first, a square, is the pipeline's; the last is where it is now.
 * @type {(track: Measured[], words: string) => HTMLElement}
 */
export function drawRates(track, words) {
  const [rates, distortions] = [track.map(({ rate }) => rate), track.map((one) => one.distortion)];
  const right = Math.max(...rates, 1) * 1.1;
  const [low, high] = [Math.min(...distortions) * 0.9, Math.max(...distortions) * 1.1];
  const x = (/** @type {number} */ rate) => LEFT + (rate / right) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ distortion) =>
    TOP + ((high - distortion) / (high - low || 1)) * (HEIGHT - BOTTOM - TOP);
  const places = track.map(({ rate, distortion }) => [x(rate), y(distortion)]);
  const [[fixedX, fixedY]] = places;
  const [nowX, nowY] = places[places.length - 1];
  const below = { x: (LEFT + WIDTH) / 2, "text-anchor": "middle" };
  const chart = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": `Rate and distortion: ${words}`,
    },
    svg("path", {
      class: "grid",
      d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}`,
      fill: "none",
    }),
    ...[low / 0.9, high / 1.1].map((value) =>
      svg(
        "text",
        { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" },
        numberText(value, high - low < 9 ? 1 : 0),
      ),
    ),
    ...[0, right / 1.1].map((value) =>
      svg("text", { x: x(value), y: HEIGHT - 18, "text-anchor": "middle" }, numberText(value, 1)),
    ),
    svg("text", { ...below, y: HEIGHT - 3 }, "rate, nats an image"),
    svg("text", { x: LEFT + 6, y: TOP + 10 }, "distortion"),
    svg("polyline", { class: "curve", points: places.map((place) => place.join(",")).join(" ") }),
    svg("rect", { class: "fixed", x: fixedX - 5, y: fixedY - 5, width: 10, height: 10 }),
    svg("circle", { class: "now", cx: nowX, cy: nowY, r: 5 }),
  );
  const caption = element(
    "figcaption",
    {},
    "Rate: the KL divergence, what a code costs. Distortion: the error of what comes back. " +
      "Square: the pipeline\u2019s model; dot: the model now, both at the same test images.",
  );
  return element("figure", { class: "chart" }, chart, caption);
}

/**
 * The KL divergence of each dimension, the rate's parts.
 * @param {number[]} kls nats an image
 */
export function drawBars(kls) {
  const high = Math.max(...kls, 0.1);
  const step = (WIDTH - LEFT - RIGHT) / kls.length;
  const bars = kls.map((kl, i) => {
    const height = Math.max(0, (kl / high) * (80 - TOP));
    const box = { x: LEFT + i * step, y: 80 - height, width: Math.max(1, step - 1), height };
    return svg("rect", box);
  });
  const words = kls.map((kl, i) => `z${i + 1} ${numberText(kl)}`).join(", ");
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} 100`, role: "img", "aria-label": `KL divergence in nats: ${words}` },
    ...bars,
    svg("text", { x: LEFT - 6, y: TOP + 8, "text-anchor": "end" }, numberText(high, 1)),
    svg("text", { x: LEFT, y: 96 }, "z1"),
    svg("text", { x: WIDTH - RIGHT, y: 96, "text-anchor": "end" }, `z${kls.length}`),
  );
  const caption = "KL divergence of each dimension, nats an image: near 0, it is not used.";
  return element("figure", { class: "chart" }, chart, element("figcaption", {}, caption));
}
