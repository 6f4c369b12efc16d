// The marks above a plane: the point, the nearest codes, an image's code and posterior, samples,
// a path.

import { line } from "./axes.js";

const RING = 8; // pixels
const LARGEST = 70;

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./view.js").View} view
 * @param {import("./types.js").Marks} marks
 * @param {boolean} isHeld
 * @param {import("./axes.js").Inks} inks
 */
export function drawMarks(pen, view, marks, isHeld, inks) {
  /** @type {(place: import("./types.js").Place) => [number, number]} */
  const pixel = (place) => {
    const [x, y] = view.pixel(...place);
    return view.rows ? [x, view.size[1] / 2] : [x, y];
  };
  if (marks.line) drawPath(pen, pixel(marks.line.from), pixel(marks.line.to), inks);
  for (const place of marks.crosses) cross(pen, pixel(place), 5, inks.ink, inks.surface);
  for (const place of marks.near) {
    pen.beginPath();
    pen.arc(...view.pixel(...place), 5.5, 0, 2 * Math.PI);
    twice(pen, inks.accent, inks.surface, 2);
  }
  if (marks.image) drawImage(pen, view, pixel(marks.image.place), marks.image.ellipse, inks);
  drawPoint(pen, view, pixel(marks.point), ringOf(view, marks), isHeld, inks);
}

/**
 * The radius of the point's ring: large enough not to cover the ellipses of an image at the same
 * place.
 * @param {import("./view.js").View} view
 * @param {import("./types.js").Marks} marks
 */
function ringOf(view, { point, image }) {
  if (!image?.ellipse || view.rows) return RING;
  const [x, y] = [0, 1].map((axis) => (point[axis] - image.place[axis]) * view.scale[0]);
  const reach = 2 * image.ellipse.radii[0] * view.scale[0];
  return Math.hypot(x, y) < reach + RING ? Math.min(LARGEST, Math.max(RING, reach + 6)) : RING;
}

/**
 * An open ring with short lines, so that nothing in it is hidden; with a dot in it while it is
 * held.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./view.js").View} view
 * @param {[number, number]} place
 * @param {number} ring its radius
 * @param {boolean} isHeld
 * @param {import("./axes.js").Inks} inks
 */
function drawPoint(pen, view, [x, y], ring, isHeld, inks) {
  if (view.rows) {
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, view.size[1]);
    twice(pen, inks.ink, inks.surface, 1.5);
  }
  pen.beginPath();
  pen.moveTo(x + ring, y);
  pen.arc(x, y, ring, 0, 2 * Math.PI);
  for (const [right, up] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    pen.moveTo(x + right * ring, y + up * ring);
    pen.lineTo(x + right * (ring + 6), y + up * (ring + 6));
  }
  twice(pen, inks.ink, inks.surface, 2);
  if (!isHeld || ring > RING) return;
  pen.beginPath();
  pen.arc(x, y, 2.5, 0, 2 * Math.PI);
  pen.fillStyle = inks.ink;
  pen.fill();
}

/**
 * A small cross, and ellipses of 1 and 2 standard deviations.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./view.js").View} view
 * @param {[number, number]} place
 * @param {import("./types.js").Ellipse | undefined} ellipse
 * @param {import("./axes.js").Inks} inks
 */
function drawImage(pen, view, place, ellipse, inks) {
  for (const count of ellipse ? [1, 2] : []) {
    const { radii, angle } = /** @type {import("./types.js").Ellipse} */ (ellipse);
    const [scale] = view.scale;
    pen.beginPath();
    if (view.rows) {
      const reach = count * radii[0] * scale;
      pen.rect(place[0] - reach, place[1] - 12, 2 * reach, 24);
    } else
      pen.ellipse(
        ...place,
        count * radii[0] * scale,
        count * radii[1] * scale,
        -angle,
        0,
        2 * Math.PI,
      );
    twice(pen, inks.accent, inks.surface, 2);
  }
  cross(pen, place, 4, inks.accent, inks.surface);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number]} from
 * @param {[number, number]} to
 * @param {import("./axes.js").Inks} inks
 */
function drawPath(pen, from, to, inks) {
  for (const [width, ink] of /** @type {[number, string][]} */ ([
    [6, inks.surface],
    [2.5, inks.accent],
  ])) {
    pen.lineWidth = width;
    pen.strokeStyle = ink;
    pen.lineCap = "round";
    line(pen, [...from, ...to]);
  }
  for (const end of [from, to]) {
    pen.beginPath();
    pen.arc(...end, 4, 0, 2 * Math.PI);
    pen.fillStyle = inks.accent;
    pen.fill();
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number]} place
 * @param {number} reach
 * @param {string} ink
 * @param {string} halo
 */
function cross(pen, [x, y], reach, ink, halo) {
  pen.beginPath();
  pen.moveTo(x - reach, y - reach);
  pen.lineTo(x + reach, y + reach);
  pen.moveTo(x - reach, y + reach);
  pen.lineTo(x + reach, y - reach);
  twice(pen, ink, halo, 2);
}

/**
 * The path that was begun, with a halo around it.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} ink
 * @param {string} halo
 * @param {number} width
 */
function twice(pen, ink, halo, width) {
  pen.lineWidth = width + 2.5;
  pen.strokeStyle = halo;
  pen.stroke();
  pen.lineWidth = width;
  pen.strokeStyle = ink;
  pen.stroke();
}
