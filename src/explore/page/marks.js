// The marks above a plane: the point, the nearest codes, an image's code and posterior, samples,
// a path.

/** @import { Drawing } from "./axes.js" */
/** @import { Encoded } from "./network.js" */
/** @import { Space } from "./space.js" */
/** @import { Place } from "./view.js" */

import { strokeWithHalo, trace } from "./axes.js";

const RING = 8; // pixels
const LARGEST = 70;

/** @typedef {{ radii: number[], angle: number }} Ellipse of one standard deviation */

/**
 * What is marked on a plane, by codes.
 * @typedef {object} Marks
 * @property {Float32Array} point that is decoded
 * @property {number[]} near numbers of training images
 * @property {Encoded | null} image its code, and the posterior's standard deviation if it has one
 * @property {Float32Array[]} crosses
 * @property {{ from: Float32Array, to: Float32Array } | null} line
 */

/** @type {Omit<Marks, "point">} */
export const NO_MARKS = { near: [], image: null, crosses: [], line: null };

/** @type {(drawing: Drawing, space: Space, marks: Marks, isHeld: boolean) => void} */
export function drawMarks(drawing, space, marks, isHeld) {
  const { pen, view, inks } = drawing;
  /** @type {(code: Float32Array) => Place} */
  const pixel = (code) => {
    const [x, y] = view.pixel(...space.toPlane(code));
    return view.rows ? [x, view.size[1] / 2] : [x, y];
  };
  if (marks.line) drawPath(drawing, pixel(marks.line.from), pixel(marks.line.to));
  for (const code of marks.crosses) drawCross(drawing, pixel(code), 5, inks.ink);
  const { image } = marks;
  const middle = image && pixel(image.code);
  const ellipse = image?.std && space.ellipse(image.std);
  // Two standard deviations in pixels, and not beyond where ticks are still seen.
  const reach = ellipse ? Math.min(LARGEST, 2 * ellipse.radii[0] * view.scale[0]) : 0;
  const isInCloud = (/** @type {Place} */ [x, y]) =>
    middle && ellipse && Math.hypot(x - middle[0], y - middle[1]) < reach + RING;
  for (const number of marks.near) {
    const place = view.pixel(...space.dot(number));
    if (isInCloud(place)) continue; // it would cover the ellipses
    pen.beginPath();
    pen.arc(...place, 5.5, 0, 2 * Math.PI);
    strokeWithHalo(drawing, inks.accent, 2);
  }
  if (middle && ellipse) drawPosterior(drawing, middle, ellipse);
  else if (middle) drawCross(drawing, middle, 4, inks.accent);
  const point = pixel(marks.point);
  if (isInCloud(point)) drawPoint(drawing, point, reach + 5, false);
  else drawPoint(drawing, point, RING, true, isHeld);
}

/**
 * Four ticks that begin so far from the point, so that nothing in it is hidden; and where nothing
 * lies in it, a ring, with a dot while it is held.
 * @type {(drawing: Drawing, place: Place, inner: number, isRing: boolean, isHeld?: boolean) =>
 *   void}
 */
function drawPoint(drawing, [x, y], inner, isRing, isHeld = false) {
  const { pen, view, inks } = drawing;
  if (view.rows) {
    trace(pen, [x, 0, x, view.size[1]]);
    strokeWithHalo(drawing, inks.ink, 1.5);
  }
  const ticks = [1, -1].flatMap((side) => {
    const [from, to] = [side * inner, side * (inner + 6)];
    return [
      [x + from, y, x + to, y],
      [x, y + from, x, y + to],
    ];
  });
  trace(pen, ...ticks);
  if (isRing) {
    pen.moveTo(x + inner, y);
    pen.arc(x, y, inner, 0, 2 * Math.PI);
  }
  strokeWithHalo(drawing, inks.ink, 2);
  if (isHeld) fillCircle(pen, [x, y], 2.5, inks.ink);
}

/**
 * Ellipses of 1 and 2 standard deviations around the mean.
 * @type {(drawing: Drawing, place: Place, ellipse: Ellipse) => void}
 */
function drawPosterior(drawing, [x, y], { radii, angle }) {
  const { pen, view, inks } = drawing;
  for (const count of [1, 2]) {
    const [long, short] = radii.map((radius) => count * radius * view.scale[0]);
    pen.beginPath();
    if (view.rows) pen.rect(x - long, y - 12, 2 * long, 24);
    else pen.ellipse(x, y, long, short, -angle, 0, 2 * Math.PI);
    strokeWithHalo(drawing, inks.accent, 1.25, 1.5); // thin: few pixels lie between the two
  }
  fillCircle(pen, [x, y], 1.25, inks.accent);
}

/** @type {(drawing: Drawing, from: Place, to: Place) => void} */
function drawPath(drawing, from, to) {
  const { pen, inks } = drawing;
  pen.lineCap = "round";
  trace(pen, [...from, ...to]);
  strokeWithHalo(drawing, inks.accent, 2.5, 3.5);
  for (const end of [from, to]) fillCircle(pen, end, 4, inks.accent);
}

/** @type {(drawing: Drawing, place: Place, reach: number, ink: string) => void} */
function drawCross(drawing, [x, y], reach, ink) {
  const [left, right, top, bottom] = [x - reach, x + reach, y - reach, y + reach];
  trace(drawing.pen, [left, top, right, bottom], [left, bottom, right, top]);
  strokeWithHalo(drawing, ink, 2);
}

/** @type {(pen: CanvasRenderingContext2D, place: Place, radius: number, ink: string) => void} */
function fillCircle(pen, place, radius, ink) {
  pen.beginPath();
  pen.arc(...place, radius, 0, 2 * Math.PI);
  pen.fillStyle = ink;
  pen.fill();
}
