// Images of 28x28 greys as numbers, out of the page's packed ones. It needs no document, which a
// worker has not.

/** @import { Numbers } from "./data.js" */

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
