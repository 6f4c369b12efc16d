// Images of 28x28 greys: out of the page's packed ones, and onto canvases.

import { element } from "./elements.js";

export const SIDE = 28;
const GREYS = 8; // in the page, as in src/explore/packing.py

// Image `number` of the packed ones, two pixels in a byte, one above the other: greys (784) in 0 to 1.
export function imageOf(packed, number) {
  const greys = new Float32Array(SIDE * SIDE);
  for (let i = 0, at = (number * SIDE * SIDE) / 2; i < (SIDE * SIDE) / 2; i++, at++) {
    const upper = 2 * SIDE * Math.floor(i / SIDE) + (i % SIDE);
    greys[upper] = Math.floor(packed[at] / GREYS) / (GREYS - 1);
    greys[upper + SIDE] = (packed[at] % GREYS) / (GREYS - 1);
  }
  return greys;
}

// Draw greys (784) onto a canvas of 28x28.
export function paint(canvas, greys, label) {
  const image = new ImageData(SIDE, SIDE);
  greys.forEach((grey, i) => image.data.set([255 * grey + 0.5, 255 * grey + 0.5, 255 * grey + 0.5, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", label);
}

// A figure with an image and words below it.
export function picture(greys, label, ...caption) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, role: "img" });
  paint(canvas, greys, label);
  return element("figure", {}, canvas, element("figcaption", {}, ...caption));
}
