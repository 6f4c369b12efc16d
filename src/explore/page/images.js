// Images of 28x28 greys: out of the page's packed ones, and onto canvases.

/** @import { Numbers } from "./data.js" */

import { button, element } from "./elements.js";

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
const GREYS = 8; // in the page, as in src/explore/packing.py

/**
 * Image `number` of the packed ones, two pixels in a byte, one above the other: greys (784) in 0
 * to 1.
 * @type {(packed: Numbers, number: number) => Float32Array}
 */
export function imageOf(packed, number) {
  const greys = new Float32Array(PIXELS);
  for (let i = 0, at = (number * PIXELS) / 2; i < PIXELS / 2; i++, at++) {
    const upper = 2 * SIDE * Math.floor(i / SIDE) + (i % SIDE);
    greys[upper] = Math.floor(packed[at] / GREYS) / (GREYS - 1);
    greys[upper + SIDE] = (packed[at] % GREYS) / (GREYS - 1);
  }
  return greys;
}

/**
 * Draw greys (784) onto a canvas of 28x28.
 * @type {(canvas: HTMLCanvasElement, greys: Float32Array, label?: string) => void}
 */
export function paint(canvas, greys, label) {
  const image = new ImageData(SIDE, SIDE);
  const pixels = image.data.fill(255);
  for (let i = 0; i < PIXELS; i++) {
    pixels.fill(255 * greys[i], 4 * i, 4 * i + 3); // it rounds
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  if (label !== undefined) canvas.setAttribute("aria-label", label);
}

/**
 * A canvas with an image; without a label it is for the eye only, as in a button that has words.
 * @type {(greys: Float32Array, label?: string) => HTMLCanvasElement}
 */
export function thumbnail(greys, label) {
  const canvas = /** @type {HTMLCanvasElement} */ (
    element("canvas", { width: SIDE, height: SIDE, class: "image" })
  );
  if (label === undefined) canvas.setAttribute("aria-hidden", "true");
  else canvas.setAttribute("role", "img");
  paint(canvas, greys, label);
  return canvas;
}

/**
 * An item of a list: an image to press, and what is below it.
 * @type {(greys: Float32Array, label: string, act: () => void, ...below: Node[]) => HTMLElement}
 */
export function imageButton(greys, label, act, ...below) {
  const attributes = { class: "thumb", "aria-label": label };
  return element("li", {}, button(attributes, act, thumbnail(greys), ...below));
}
