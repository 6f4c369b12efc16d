// A picture that has been chosen: an image of the data set, strokes, or strokes over an image; its
// text in the address; and its greys. Strokes become greys as MNIST's digits did: fitted to 20
// pixels, drawn with MNIST's own width, and centred.

/** @import { Data } from "./data.js" */

import { imageOf, PIXELS, SIDE } from "./greys.js";

export const WIDTH = 280; // of the paper on which the strokes lie
const DIGITS = 2; // of a coordinate in the address, to the base 36
const BOX = 20; // MNIST's digits fit a box of 20x20 pixels
const STROKE = 2.8; // pixels: the median width of MNIST's strokes
const CENTRE = 14.5; // of mass, in both directions, of MNIST; pixel i covers i to i + 1
const SMALLEST = 24; // of the paper's width: a smaller drawing is a dot, not a digit

/** @typedef {[number, number][]} Stroke */
/**
 * @typedef {object} Picture
 * @property {{ split: "train" | "test", number: number } | null} source
 * @property {Stroke[]} strokes
 */

/**
 * The picture's greys (784) as the encoders see them. An image is as large as it should be: strokes
 * are drawn onto it.
 * @type {(picture: Picture, images: Data["images"]) => Float32Array}
 */
export function greysOf({ source, strokes }, images) {
  const image = source ? imageOf(images[source.split].packed, source.number) : undefined;
  if (!image) return fitted(strokes);
  return strokes.length ? drawnOver(image, strokes) : image;
}

/** @param {Picture | null} picture */
export function pictureText(picture) {
  if (!picture) return "";
  const { source, strokes } = picture;
  const number = (/** @type {number} */ value) =>
    Math.min(36 ** DIGITS - 1, Math.max(0, Math.round(value)))
      .toString(36)
      .padStart(DIGITS, "0");
  const lines = strokes.map((stroke) => stroke.flat().map(number).join("")).join(".");
  return [source && `${source.split}-${source.number}`, lines && `lines-${lines}`]
    .filter(Boolean)
    .join("-");
}

/**
 * The picture of a text; null where the text is none.
 * @type {(text: string | null, images: Data["images"]) => Picture | null}
 */
export function pictureOf(text, images) {
  const match = /^(?:(train|test)-(\d{1,9}))?-?(?:lines-([0-9a-z.]+))?$/.exec(text ?? "");
  if (!match || !text) return null;
  const split = /** @type {"train" | "test"} */ (match[1]);
  const number = Number(match[2]);
  if (split && number >= images[split].labels.length) return null;
  const strokes = (match[3] ?? "")
    .split(".")
    .map(strokeOf)
    .filter((stroke) => stroke.length);
  const source = split ? { split, number } : null;
  return source || strokes.length ? { source, strokes } : null;
}

/** @type {(text: string) => Stroke} */
function strokeOf(text) {
  const pairs = text.matchAll(/([0-9a-z]{2})([0-9a-z]{2})/g);
  return Array.from(pairs, ([, x, y]) => [parseInt(x, 36), parseInt(y, 36)]);
}

/**
 * Strokes alone, fitted and centred.
 * @param {Stroke[]} strokes
 */
function fitted(strokes) {
  const points = strokes.flat();
  const [x, y] = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const scale = (BOX - STROKE) / Math.max(SMALLEST, x[1] - x[0], y[1] - y[0]);
  const middle = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
  const first = drawn(placed(strokes, scale, middle, [SIDE / 2, SIDE / 2]));
  const shift = centreOf(first).map((value) => SIDE / 2 + CENTRE - value);
  return drawn(placed(strokes, scale, middle, shift)).map((grey) => Math.round(255 * grey) / 255);
}

/**
 * An image with strokes on it, centred.
 * @type {(image: Float32Array, strokes: Stroke[]) => Float32Array}
 */
function drawnOver(image, strokes) {
  const ink = drawn(placed(strokes, SIDE / WIDTH, [0, 0], [0, 0]));
  const greys = image.map((grey, i) => Math.max(grey, ink[i]));
  // By whole pixels, as MNIST's.
  const [right, down] = centreOf(greys).map((value) => Math.round(CENTRE - value));
  return greys.map((_, i) => {
    const [column, row] = [(i % SIDE) - right, Math.floor(i / SIDE) - down];
    return column < 0 || row < 0 || column >= SIDE || row >= SIDE ? 0 : greys[row * SIDE + column];
  });
}

/**
 * Strokes from the paper in pixels, with `middle` moved to `to`.
 * @type {(strokes: Stroke[], scale: number, middle: number[], to: number[]) => Stroke[]}
 */
function placed(strokes, scale, middle, to) {
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => [(x - middle[0]) * scale + to[0], (y - middle[1]) * scale + to[1]]),
  );
}

/**
 * Lines in pixels as greys: 1 where a pixel's middle is well within half the stroke's width,
 * fading over a pixel.
 * @param {Stroke[]} strokes
 */
function drawn(strokes) {
  const squares = new Float32Array(PIXELS).fill(Infinity);
  for (const stroke of strokes) {
    for (let i = 0; i < stroke.length; i++) near(squares, stroke[Math.max(0, i - 1)], stroke[i]);
  }
  return squares.map((square) => Math.min(1, Math.max(0, STROKE / 2 + 0.5 - Math.sqrt(square))));
}

/**
 * Lowers the squared distances of the pixels around a line to that from it.
 * @type {(squares: Float32Array, from: [number, number], to: [number, number]) => void}
 */
function near(squares, from, to) {
  const along = [to[0] - from[0], to[1] - from[1]];
  const length = along[0] ** 2 + along[1] ** 2;
  const [columns, rows] = [0, 1].map((axis) => {
    const reach = STROKE / 2 + 1;
    const low = Math.floor(Math.min(from[axis], to[axis]) - reach);
    const high = Math.ceil(Math.max(from[axis], to[axis]) + reach);
    return [Math.max(0, low), Math.min(SIDE - 1, high)];
  });
  for (let row = rows[0]; row <= rows[1]; row++) {
    for (let column = columns[0]; column <= columns[1]; column++) {
      const [x, y] = [column + 0.5 - from[0], row + 0.5 - from[1]];
      const share = length ? Math.min(1, Math.max(0, (x * along[0] + y * along[1]) / length)) : 0;
      const square = (x - share * along[0]) ** 2 + (y - share * along[1]) ** 2;
      const at = row * SIDE + column;
      if (square < squares[at]) squares[at] = square;
    }
  }
}

/**
 * The centre of mass, column and row.
 * @param {Float32Array} greys
 */
function centreOf(greys) {
  let [mass, x, y] = [0, 0, 0];
  greys.forEach((grey, i) => {
    mass += grey;
    x += grey * ((i % SIDE) + 0.5);
    y += grey * (Math.floor(i / SIDE) + 0.5);
  });
  return mass ? [x / mass, y / mass] : [CENTRE, CENTRE];
}
