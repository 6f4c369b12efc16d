// The latent space of a model: its plane, its principal axes, what is near a point, and codes
// drawn at random.

/** @import { ModelFacts, Numbers } from "./data.js" */
/** @import { Ellipse } from "./marks.js" */
/** @import { Place } from "./view.js" */

import { normals } from "./normals.js";

const GOLDEN_RATIO = 0.6180339887; // its fractional part, as in src/render/figures.py

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

export class Space {
  /**
   * @param {ModelFacts} facts
   * @param {Float32Array} mean (dims)
   * @param {Float32Array} axes (k, dims) in a row
   * @param {Numbers} train (n, k) in a row: coordinates along the axes, as whole numbers
   * @param {Numbers} labels (n)
   * @param {number} classes how many there are
   */
  constructor(facts, mean, axes, train, labels, classes) {
    this.dims = facts.dims;
    this.mean = mean;
    this.axes = facts.stds.map((_, i) => axes.subarray(i * this.dims, (i + 1) * this.dims));
    this.stds = facts.stds;
    this.priorStd = facts.priorStd;
    this.share = facts.share;
    this.spacing = facts.spacing;
    this.isLine = this.dims === 1;
    this.planeIsLatentSpace = this.dims <= 2;
    this.axesAreComplete = this.axes.length === this.dims; // none is left out
    this.rows = classes;
    const width = this.axes.length;
    this.along = Float32Array.from(
      train,
      (number, i) => facts.trainLow[i % width] + facts.trainStep[i % width] * number,
    );
    this.count = this.along.length / width;
    this.labels = labels;
    this.xy = this.placesOfDots();
    this.names = this.planeIsLatentSpace
      ? ["z1", "z2"].slice(0, this.dims)
      : facts.planeShares.map(
          (share, i) => `PC ${i + 1} (${(100 * share).toFixed(0)} % of the variance)`,
        );
  }

  placesOfDots() {
    const xy = new Float32Array(2 * this.count);
    for (let i = 0; i < this.count; i++) {
      const [x, y] = this.planeIsLatentSpace ? this.codeOf(i) : this.row(i);
      xy.set([x, this.isLine ? heightIn(this.rows, this.labels[i], i) : y], 2 * i);
    }
    return xy;
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
   * The coordinates of training image `number` along the axes.
   * @param {number} number
   */
  row(number) {
    const width = this.axes.length;
    return this.along.subarray(number * width, (number + 1) * width);
  }

  /**
   * The code of training image `number`; beyond the axes, what they hold of it.
   * @param {number} number
   */
  codeOf(number) {
    return this.lift(this.row(number));
  }

  /**
   * @param {number} number of a training image
   * @returns {Place}
   */
  dot(number) {
    return [this.xy[2 * number], this.xy[2 * number + 1]];
  }

  /**
   * The coordinates along the first `count` axes.
   * @param {Float32Array} code
   */
  project(code, count = this.axes.length) {
    return this.axes.slice(0, count).map((axis) => {
      let sum = 0;
      for (let i = 0; i < axis.length; i++) sum += axis[i] * (code[i] - this.mean[i]);
      return sum;
    });
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
    if (this.isLine) return [code[0], (this.rows - 1) / 2];
    const place = this.planeIsLatentSpace ? code : this.project(code, 2);
    return [place[0], place[1]];
  }

  /**
   * The code at a place of the plane, reached from `code` by moving within the plane.
   * @type {(code: Float32Array, place: number[]) => Float32Array}
   */
  codeAfterMoving(code, place) {
    if (this.planeIsLatentSpace) return Float32Array.from(place.slice(0, this.dims));
    const from = this.toPlane(code);
    const by = [place[0] - from[0], place[1] - from[1]];
    return code.map((value, i) => value + by[0] * this.axes[0][i] + by[1] * this.axes[1][i]);
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
    const { priorStd } = this;
    const normal = normals(seed);
    const draw = () =>
      priorStd === null
        ? this.lift(this.stds.map((std) => std * normal()))
        : Float32Array.from({ length: this.dims }, () => priorStd * normal());
    return Array.from({ length: count }, draw);
  }

  /**
   * The ellipse of one standard deviation (dims) of a Gaussian, in the plane: half axes and angle.
   * @type {(std: Float32Array) => Ellipse}
   */
  ellipse(std) {
    const axes = this.planeIsLatentSpace
      ? [Float32Array.of(1, 0), Float32Array.of(0, 1)]
      : this.axes;
    const covariance = (/** @type {number} */ a, /** @type {number} */ b) =>
      std.reduce((sum, value, i) => sum + axes[a][i] * axes[b][i] * value ** 2, 0);
    const [xx, xy, yy] = [covariance(0, 0), covariance(0, 1), covariance(1, 1)];
    const middle = (xx + yy) / 2;
    const half = Math.hypot((xx - yy) / 2, xy);
    return {
      radii: [middle + half, Math.max(middle - half, 0)].map(Math.sqrt),
      angle: Math.atan2(2 * xy, xx - yy) / 2,
    };
  }
}
