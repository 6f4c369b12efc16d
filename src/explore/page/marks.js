// The marks above a plane: the point, the nearest codes, an image's code and posterior, samples,
// a path.

/** @import { Drawing } from "./axes.js" */
/** @import { Place, View } from "./view.js" */

const RING = 8; // pixels
const LARGEST = 70;

/** @typedef {{ radii: number[], angle: number }} Ellipse of one standard deviation */

/**
 * What is marked on a plane.
 * @typedef {object} Marks
 * @property {Place} point that is decoded
 * @property {Place[]} near
 * @property {{ place: Place, ellipse?: Ellipse } | null} image
 * @property {Place[]} crosses
 * @property {{ from: Place, to: Place } | null} line
 */

/** @type {(drawing: Drawing, marks: Marks, isHeld: boolean) => void} */
export function drawMarks(drawing, marks, isHeld) {
  const { pen, view, inks } = drawing;
  /** @type {(place: Place) => Place} */
  const pixel = (place) => {
    const [x, y] = view.pixel(...place);
    return view.rows ? [x, view.size[1] / 2] : [x, y];
  };
  if (marks.line) drawPath(drawing, pixel(marks.line.from), pixel(marks.line.to));
  for (const place of marks.crosses) drawCross(drawing, pixel(place), 5, inks.ink);
  for (const place of marks.near) {
    pen.beginPath();
    pen.arc(...view.pixel(...place), 5.5, 0, 2 * Math.PI);
    strokeWithHalo(drawing, inks.accent, 2);
  }
  if (marks.image) {
    const place = pixel(marks.image.place);
    if (marks.image.ellipse) drawPosterior(drawing, place, marks.image.ellipse);
    drawCross(drawing, place, 4, inks.accent);
  }
  drawPoint(drawing, pixel(marks.point), ringOf(view, marks), isHeld);
}

/**
 * The radius of the point's ring: large enough not to cover the ellipses of an image at the same
 * place.
 * @type {(view: View, marks: Marks) => number}
 */
function ringOf(view, { point, image }) {
  if (!image?.ellipse || view.rows) return RING;
  const [x, y] = [0, 1].map((axis) => (point[axis] - image.place[axis]) * view.scale[0]);
  const reach = 2 * image.ellipse.radii[0] * view.scale[0];
  return Math.hypot(x, y) < reach + RING ? Math.min(LARGEST, Math.max(RING, reach + 6)) : RING;
}

/**
 * An open ring of this radius with short lines, so that nothing in it is hidden; with a dot in it
 * while it is held.
 * @type {(drawing: Drawing, place: Place, ring: number, isHeld: boolean) => void}
 */
function drawPoint(drawing, [x, y], ring, isHeld) {
  const { pen, view, inks } = drawing;
  if (view.rows) {
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, view.size[1]);
    strokeWithHalo(drawing, inks.ink, 1.5);
  }
  pen.beginPath();
  pen.moveTo(x + ring, y);
  pen.arc(x, y, ring, 0, 2 * Math.PI);
  for (const side of [1, -1]) {
    pen.moveTo(x + side * ring, y);
    pen.lineTo(x + side * (ring + 6), y);
    pen.moveTo(x, y + side * ring);
    pen.lineTo(x, y + side * (ring + 6));
  }
  strokeWithHalo(drawing, inks.ink, 2);
  if (isHeld && ring === RING) fillCircle(pen, [x, y], 2.5, inks.ink);
}

/**
 * Ellipses of 1 and 2 standard deviations.
 * @type {(drawing: Drawing, place: Place, ellipse: Ellipse) => void}
 */
function drawPosterior(drawing, [x, y], { radii, angle }) {
  const { pen, view, inks } = drawing;
  for (const count of [1, 2]) {
    const [long, short] = radii.map((radius) => count * radius * view.scale[0]);
    pen.beginPath();
    if (view.rows) pen.rect(x - long, y - 12, 2 * long, 24);
    else pen.ellipse(x, y, long, short, -angle, 0, 2 * Math.PI);
    strokeWithHalo(drawing, inks.accent, 2);
  }
}

/** @type {(drawing: Drawing, from: Place, to: Place) => void} */
function drawPath(drawing, from, to) {
  const { pen, inks } = drawing;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  strokeWithHalo(drawing, inks.accent, 2.5, 3.5);
  for (const end of [from, to]) fillCircle(pen, end, 4, inks.accent);
}

/** @type {(drawing: Drawing, place: Place, reach: number, ink: string) => void} */
function drawCross(drawing, [x, y], reach, ink) {
  const { pen } = drawing;
  pen.beginPath();
  pen.moveTo(x - reach, y - reach);
  pen.lineTo(x + reach, y + reach);
  pen.moveTo(x - reach, y + reach);
  pen.lineTo(x + reach, y - reach);
  strokeWithHalo(drawing, ink, 2);
}

/** @type {(pen: CanvasRenderingContext2D, place: Place, radius: number, ink: string) => void} */
function fillCircle(pen, place, radius, ink) {
  pen.beginPath();
  pen.arc(...place, radius, 0, 2 * Math.PI);
  pen.fillStyle = ink;
  pen.fill();
}

/**
 * The path that was begun, with a halo around it, which adds so much to its width.
 * @type {(drawing: Drawing, ink: string, width: number, halo?: number) => void}
 */
function strokeWithHalo({ pen, inks }, ink, width, halo = 2.5) {
  pen.lineWidth = width + halo;
  pen.strokeStyle = inks.surface;
  pen.stroke();
  pen.lineWidth = width;
  pen.strokeStyle = ink;
  pen.stroke();
}
