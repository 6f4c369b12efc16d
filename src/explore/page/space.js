// The latent space of a model: its plane, its principal axes, what is near a point, and codes
// drawn at random.

/** @import { ModelFacts, Numbers } from "./data.js" */
/** @import { Ellipse } from "./marks.js" */
/** @import { Place } from "./view.js" */

import { normals } from "./normals.js";

const GOLDEN_RATIO = 0.6180339887; // its fractional part, as in src/render/figures.py
const CHOICES = 10; // principal components that the plane can show
const MEASURED = 300; // codes whose distance to the nearest other is measured

/**
 * The height of a dot on a line, where each class has a row. Multiples of the golden ratio spread
 * a class over its row.
 * @param {number} rows
 * @param {number} label
 * @param {number} i the dot's number
 */
export function heightIn(rows, label, i) {
  return rows - 1 - label + 0.8 * (((i * GOLDEN_RATIO) % 1) - 0.5);
}

/**
 * The lowest and highest coordinate along an axis of the plane, with a margin on both sides.
 * @param {Float32Array} xy coordinates, two for each dot
 * @param {number} axis
 * @param {number} margin a share of what lies between them
 * @returns {[number, number]}
 */
export function rangeOf(xy, axis, margin) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = axis; i < xy.length; i += 2) {
    low = Math.min(low, xy[i]);
    high = Math.max(high, xy[i]);
  }
  const width = margin * (high - low) || 1;
  return [low - width, high + width];
}

/**
 * An axis along which the plane can be seen: a unit vector, and the code at its zero.
 * @typedef {{ key: string, name: string, vector: Float32Array, zero: Float32Array }} Axis
 */

/**
 * An array (n, width) in a row as its n rows.
 * @type {(numbers: Float32Array, width: number) => Float32Array[]}
 */
export function rowsOf(numbers, width) {
  const count = numbers.length / width;
  return Array.from({ length: count }, (_, i) => numbers.subarray(i * width, (i + 1) * width));
}

export class Space {
  /**
   * @param {ModelFacts} facts
   * @param {Float32Array} mean (dims) of the trained model's codes
   * @param {Float32Array[]} axes (k) principal axes of these codes
   * @param {Float32Array} along (n, k) in a row: coordinates of codes along the axes
   * @param {Numbers} labels (n)
   * @param {number} classes how many there are
   * @param {number} [variance] of these codes, in all; without it they are the trained model's
   */
  constructor(facts, mean, axes, along, labels, classes, variance) {
    this.facts = facts;
    this.dims = facts.dims;
    this.mean = mean;
    this.axes = axes;
    this.along = along;
    this.count = along.length / axes.length;
    this.labels = labels;
    this.rows = classes;
    this.variance = variance;
    this.priorStd = facts.priorStd;
    this.isLine = this.dims === 1;
    this.axesAreComplete = axes.length === this.dims; // none is left out
    this.components = axes.map((vector, i) => {
      return { key: `pc${i + 1}`, name: `PC ${i + 1}`, vector, zero: mean };
    });
    const dimensions = this.dims > 2 ? facts.sliders : [...mean.keys()];
    /** @type {Axis[][]} */
    this.families = [
      this.dims > 2 ? this.components.slice(0, CHOICES) : [],
      (this.axesAreComplete ? dimensions : []).map((dim) => {
        const vector = new Float32Array(this.dims);
        vector[dim] = 1;
        const name = `z${dim + 1}`;
        return { key: name, name, vector, zero: new Float32Array(this.dims) };
      }),
    ];
    /** @type {{ usual: number, most: number } | undefined} */
    this.knownSpacing = variance === undefined ? facts.spacing : undefined;
    this.shown = this.firstAxes;
    this.xy = this.placesOfDots();
  }

  // Those of the plane at the start.
  get firstAxes() {
    return this.families[this.dims <= 2 ? 1 : 0].slice(0, 2);
  }

  /**
   * The same space, with the same axes, and other codes of its first images in it.
   * @param {Float32Array} codes (n, dims) in a row
   */
  withCodes(codes) {
    const { facts, mean, axes, dims } = this;
    const rows = rowsOf(codes, dims);
    const along = Float32Array.from(rows.flatMap((code) => this.project(code)));
    const variance = mean.reduce((sum, _, dim) => sum + varianceOf(codes, dims, dim), 0);
    const labels = this.labels.subarray(0, rows.length);
    const space = new Space(facts, mean, axes, along, labels, this.rows, variance);
    space.show(this.shown);
    return space;
  }

  /**
   * See the plane along other axes.
   * @param {Axis[]} axes one on a line, or two of one family
   */
  show(axes) {
    this.shown = axes;
    this.xy = this.placesOfDots();
  }

  placesOfDots() {
    const xy = new Float32Array(2 * this.count);
    this.shown.forEach((axis, side) => {
      const start = coordinate(this.mean, axis);
      const weights = this.axes.map((own) => product(own, axis.vector));
      for (let i = 0, at = 0; i < this.count; i++) {
        let sum = start;
        for (const weight of weights) sum += weight * this.along[at++];
        xy[2 * i + side] = sum;
      }
    });
    if (this.isLine)
      this.labels.forEach((label, i) => (xy[2 * i + 1] = heightIn(this.rows, label, i)));
    return xy;
  }

  // The share of the codes' variance along each axis that is shown.
  get shares() {
    const { stds } = this.facts;
    if (this.variance !== undefined)
      return this.shown.map((_, axis) => varianceOf(this.xy, 2, axis) / (this.variance || 1));
    const whole = product(stds, stds) / this.facts.share;
    return this.shown.map(({ vector }) => {
      const parts = this.axes.map((own, k) => stds[k] * product(own, vector));
      return product(parts, parts) / whole;
    });
  }

  // The names of the axes that are shown.
  get names() {
    if (this.dims <= 2) return this.shown.map(({ name }) => name);
    const { shares } = this;
    return this.shown.map(
      ({ name }, i) => `${name} (${(100 * shares[i]).toFixed(0)} % of the variance)`,
    );
  }

  /**
   * How far codes lie from the nearest other: the median, and the 99.5th percentile, as in
   * src/explore/near.py.
   */
  get spacing() {
    return (this.knownSpacing ??= this.measuredSpacing());
  }

  measuredSpacing() {
    const some = Math.min(this.count, MEASURED);
    const distances = Float32Array.from({ length: some }, (_, i) => {
      const code = this.codeOf(Math.floor((i * this.count) / some));
      return this.nearest(code, 2)[1].distance; // the first of the two is the code itself
    }).sort();
    const [usual, most] = [0.5, 0.995].map((share) => {
      const at = share * (some - 1);
      const [below, above] = [distances[Math.floor(at)], distances[Math.ceil(at)]];
      return below + (at % 1) * (above - below);
    });
    return { usual, most };
  }

  /**
   * The ranges of both axes that hold all dots.
   * @returns {[number, number][]}
   */
  get home() {
    const rows = /** @type {[number, number]} */ ([-1.9, this.rows - 0.3]); // and decoded images
    return [rangeOf(this.xy, 0, 0.05), this.isLine ? rows : rangeOf(this.xy, 1, 0.05)];
  }

  /**
   * The middle of a class, the median of its dots; null if it has none.
   * @type {(label: number) => Place | null}
   */
  middleOf(label) {
    const numbers = [...this.labels.keys()].filter((number) => this.labels[number] === label);
    if (!numbers.length) return null;
    const [x, y] = [0, 1].map((axis) => {
      const sorted = numbers.map((number) => this.dot(number)[axis]).sort((a, b) => a - b);
      return sorted[sorted.length >> 1];
    });
    return [x, this.isLine ? this.rows - 1 - label : y];
  }

  /**
   * The code of training image `number`; beyond the axes, what they hold of it.
   * @param {number} number
   */
  codeOf(number) {
    const width = this.axes.length;
    return this.lift(this.along.subarray(number * width, (number + 1) * width));
  }

  /**
   * @param {number} number of a training image
   * @returns {Place}
   */
  dot(number) {
    return [this.xy[2 * number], this.xy[2 * number + 1]];
  }

  /**
   * The coordinates along the principal axes.
   * @param {Float32Array} code
   */
  project(code) {
    return this.components.map((axis) => coordinate(code, axis));
  }

  /**
   * The code at coordinates along the axes; where those end, at the mean.
   * @param {ArrayLike<number>} along
   */
  lift(along) {
    const code = Float32Array.from(this.mean);
    for (let k = 0; k < along.length; k++) {
      for (let i = 0; i < code.length; i++) code[i] += along[k] * this.axes[k][i];
    }
    return code;
  }

  /**
   * Where a code lies in the plane that is shown; on a line, in the middle of its rows.
   * @type {(code: Float32Array) => Place}
   */
  toPlane(code) {
    const [x, y] = this.shown.map((axis) => coordinate(code, axis));
    return [x, this.isLine ? (this.rows - 1) / 2 : y];
  }

  /**
   * The code at a place of the plane, reached from `code` by moving within the plane.
   * @type {(code: Float32Array, place: number[]) => Float32Array}
   */
  codeAfterMoving(code, place) {
    const from = this.toPlane(code);
    return code.map((value, i) =>
      this.shown.reduce((sum, { vector }, a) => sum + (place[a] - from[a]) * vector[i], value),
    );
  }

  /**
   * The `count` training images whose codes are nearest, the nearest first.
   * @type {(code: Float32Array, count: number) => { number: number, distance: number }[]}
   */
  nearest(code, count) {
    const point = this.project(code);
    const width = point.length;
    /** @type {{ number: number, distance: number }[]} */
    const nearest = [];
    let worst = Infinity;
    for (let number = 0, at = 0; number < this.count; number++, at += width) {
      let distance = 0;
      for (let k = 0; k < width && distance < worst; k++)
        distance += (point[k] - this.along[at + k]) ** 2;
      if (distance >= worst) continue;
      const before = nearest.findIndex((other) => other.distance > distance);
      nearest.splice(before < 0 ? nearest.length : before, 0, { number, distance });
      nearest.length = Math.min(nearest.length, count);
      if (nearest.length === count) worst = nearest[count - 1].distance;
    }
    return nearest.map(({ number, distance }) => ({ number, distance: Math.sqrt(distance) }));
  }

  /**
   * Codes drawn from the prior N(0, std^2), or without one from a Gaussian with the codes' mean
   * and covariance.
   * @type {(count: number, seed: number) => Float32Array[]}
   */
  samples(count, seed) {
    const { priorStd, stds } = this.facts;
    const normal = normals(seed);
    const draw = () => {
      if (priorStd !== null) return this.mean.map(() => priorStd * normal());
      const isTrained = this.variance === undefined;
      return this.lift(isTrained ? stds.map((std) => std * normal()) : this.drawAlong(normal));
    };
    return Array.from({ length: count }, draw);
  }

  /**
   * The mean m of the codes c along the axes, and to it sum_i n_i (c_i - m) / sqrt(n) with n_i from
   * N(0, 1): it has exactly their covariance. Slow for the many codes of the trained model.
   * @param {() => number} normal
   */
  drawAlong(normal) {
    const { along, count } = this;
    const width = this.axes.length;
    const mean = this.components.map((_, k) => meanOf(along, width, k));
    const draw = [...mean];
    for (let i = 0, at = 0; i < count; i++) {
      const weight = normal() / Math.sqrt(count);
      for (let k = 0; k < width; k++) draw[k] += weight * (along[at++] - mean[k]);
    }
    return draw;
  }

  /**
   * The ellipse of one standard deviation (dims) of a Gaussian, in the plane: half axes and angle.
   * @type {(std: Float32Array) => Ellipse}
   */
  ellipse(std) {
    const [x, y] = [0, 1].map((i) => this.shown[i]?.vector ?? std.map(() => 0));
    const covariance = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) =>
      std.reduce((sum, value, i) => sum + a[i] * b[i] * value ** 2, 0);
    const [xx, xy, yy] = [covariance(x, x), covariance(x, y), covariance(y, y)];
    const middle = (xx + yy) / 2;
    const half = Math.hypot((xx - yy) / 2, xy);
    return {
      radii: [middle + half, Math.max(middle - half, 0)].map(Math.sqrt),
      angle: Math.atan2(2 * xy, xx - yy) / 2,
    };
  }
}

/**
 * Where a code lies along an axis.
 * @type {(code: Float32Array, axis: Axis) => number}
 */
function coordinate(code, { vector, zero }) {
  return product(code, vector) - product(zero, vector);
}

/**
 * The inner product.
 * @type {(a: ArrayLike<number>, b: ArrayLike<number>) => number}
 */
function product(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * The mean of a column of rows of so many numbers.
 * @type {(rows: Float32Array, width: number, column: number) => number}
 */
function meanOf(rows, width, column) {
  let sum = 0;
  for (let at = column; at < rows.length; at += width) sum += rows[at];
  return (sum * width) / rows.length;
}

/** @type {(rows: Float32Array, width: number, column: number) => number} */
export function varianceOf(rows, width, column) {
  const mean = meanOf(rows, width, column);
  let sum = 0;
  for (let at = column; at < rows.length; at += width) sum += (rows[at] - mean) ** 2;
  return (sum * width) / rows.length;
}
