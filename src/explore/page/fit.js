// Makes 28x28 greys of strokes as those of MNIST were made: fitted to 20 pixels, drawn with
// MNIST's own width, and centred.

import { PIXELS, SIDE } from "./images.js";

export const WIDTH = 280; // of the paper on which the strokes lie
const BOX = 20; // MNIST's digits fit a box of 20x20 pixels
const STROKE = 2.8; // pixels: the median width of MNIST's strokes
const CENTRE = 14.5; // of mass, in both directions, of MNIST; pixel i covers i to i + 1
const SMALLEST = 24; // of the paper's 280: a smaller drawing is a dot, not a digit

/** @typedef {[number, number][]} Stroke */

/**
 * The greys (784) of strokes on the paper, over an image if there is one: that is as large as it
 * should be, and the strokes are drawn onto it.
 * @param {Stroke[]} strokes
 * @param {Float32Array} [image]
 */
export function fitted(strokes, image) {
  return image ? over(image, strokes) : alone(strokes);
}

/** @param {Stroke[]} strokes */
function alone(strokes) {
  const points = strokes.flat();
  const [x, y] = [0, 1].map((axis) => edges(points.map((point) => point[axis])));
  const scale = (BOX - STROKE) / Math.max(SMALLEST, x[1] - x[0], y[1] - y[0]);
  const middle = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
  const placed = (/** @type {number[]} */ shift) =>
    strokes.map((stroke) =>
      stroke.map(
        (point) =>
          /** @type {[number, number]} */ (
            point.map((value, axis) => (value - middle[axis]) * scale + shift[axis])
          ),
      ),
    );
  const first = drawn(placed([SIDE / 2, SIDE / 2]));
  const shift = centreOf(first).map((value) => SIDE / 2 + CENTRE - value);
  return rounded(drawn(placed(shift)));
}

/**
 * @param {Float32Array} image
 * @param {Stroke[]} strokes
 */
function over(image, strokes) {
  const scale = SIDE / WIDTH;
  const lines = strokes.map((stroke) =>
    stroke.map(([x, y]) => /** @type {[number, number]} */ ([x * scale, y * scale])),
  );
  const ink = drawn(lines);
  const greys = image.map((grey, i) => Math.max(grey, ink[i]));
  // By whole pixels, as MNIST's.
  const [right, down] = centreOf(greys).map((value) => Math.round(CENTRE - value));
  return greys.map((_, i) => {
    const [column, row] = [(i % SIDE) - right, Math.floor(i / SIDE) - down];
    return column < 0 || row < 0 || column >= SIDE || row >= SIDE ? 0 : greys[row * SIDE + column];
  });
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
 * @param {Float32Array} squares
 * @param {[number, number]} from
 * @param {[number, number]} to
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
export function centreOf(greys) {
  let [mass, x, y] = [0, 0, 0];
  greys.forEach((grey, i) => {
    mass += grey;
    x += grey * ((i % SIDE) + 0.5);
    y += grey * (Math.floor(i / SIDE) + 0.5);
  });
  return mass ? [x / mass, y / mass] : [CENTRE, CENTRE];
}

/** @param {number[]} values */
function edges(values) {
  return values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

/** @param {Float32Array} greys */
function rounded(greys) {
  return greys.map((grey) => Math.round(255 * grey) / 255);
}
