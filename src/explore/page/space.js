// The latent space of a model: its plane, its principal axes, what is near a point, and samples.

import { normals } from "./random.js";

export class Space {
  // `mean` (dims), `axes` (k, dims) in a row, and coordinates along these axes: `train` (n, k or 2), `test` (n, k).
  constructor(facts, mean, axes, train, test) {
    this.dims = facts.dims;
    this.mean = mean;
    this.axes = facts.stds.map((_, i) => axes.subarray(i * this.dims, (i + 1) * this.dims));
    this.stds = facts.stds;
    this.share = facts.share;
    this.isPlane = this.dims <= 2; // the plane that is shown is latent space itself
    this.isWhole = this.axes.length === this.dims; // no dimension is left out of the axes
    this.train = coordinates(train, facts.train);
    this.test = coordinates(test, facts.test);
    this.names = this.isPlane ? ["z1", "z2"].slice(0, this.dims) : ["principal component 1", "principal component 2"];
  }

  // The coordinates along the first `count` axes.
  project(code, count = this.axes.length) {
    const project = (axis) => axis.reduce((sum, value, i) => sum + value * (code[i] - this.mean[i]), 0);
    return this.axes.slice(0, count).map(project);
  }

  // The code at coordinates along the axes; where those end, at the mean.
  lift(along) {
    const code = Float32Array.from(this.mean);
    along.forEach((value, axis) => this.axes[axis].forEach((entry, i) => (code[i] += value * entry)));
    return code;
  }

  // Where a code lies in the plane that is shown.
  toPlane(code) {
    return this.isPlane ? Array.from(code) : this.project(code, 2);
  }

  // The code at a place of the plane, reached from `code` by moving within the plane.
  moved(code, place) {
    if (this.isPlane) return Float32Array.from(place);
    const from = this.toPlane(code);
    return code.map((value, i) => value + (place[0] - from[0]) * this.axes[0][i] + (place[1] - from[1]) * this.axes[1][i]);
  }

  // The `count` test images whose codes are nearest: [{ image, distance }], the nearest first.
  nearest(code, count) {
    const along = this.project(code);
    const found = [];
    this.test.forEach((other, image) => {
      let distance = 0;
      for (let i = 0; i < along.length; i++) distance += (along[i] - other[i]) ** 2;
      if (found.length < count || distance < found[count - 1].distance) {
        found.push({ image, distance });
        found.sort((a, b) => a.distance - b.distance);
        found.length = Math.min(found.length, count);
      }
    });
    return found.map(({ image, distance }) => ({ image, distance: Math.sqrt(distance) }));
  }

  // Codes drawn from the prior N(0, std^2), or without one from a Gaussian with the codes' mean and covariance.
  samples(count, priorStd, seed) {
    const normal = normals(seed);
    const draw = () =>
      priorStd === null
        ? this.lift(this.stds.map((std) => std * normal()))
        : Float32Array.from({ length: this.dims }, () => priorStd * normal());
    return Array.from({ length: count }, draw);
  }

  // The ellipse of one standard deviation (dims) of a Gaussian around a code, in the plane: half axes and angle.
  ellipse(std) {
    const axes = this.isPlane ? [0, 1].map((axis) => [axis === 0 ? 1 : 0, axis === 1 ? 1 : 0]) : this.axes;
    const covariance = (a, b) => std.reduce((sum, value, i) => sum + axes[a][i] * axes[b][i] * value ** 2, 0);
    const [xx, xy, yy] = [covariance(0, 0), covariance(0, 1), covariance(1, 1)];
    const middle = (xx + yy) / 2;
    const half = Math.hypot((xx - yy) / 2, xy);
    const radii = [middle + half, Math.max(middle - half, 0)].map(Math.sqrt);
    return { radii, angle: Math.atan2(2 * xy, xx - yy) / 2 };
  }
}

// Whole numbers (n, k) -> rows of coordinates.
function coordinates(numbers, { low, step }) {
  const rows = [];
  for (let at = 0; at < numbers.length; at += low.length) {
    rows.push(low.map((value, i) => value + step[i] * numbers[at + i]));
  }
  return rows;
}
