// The view: which part of a plane is seen, and where its places lie on the canvas.

/** @typedef {[number, number]} Place where something lies on a plane, or on its canvas in pixels */

export const CLOSER = 1.5; // how many times, by a button or a key
const CLOSEST = 200; // how many times closer than at the whole one can look
const FARTHEST = 20; // and from how many times farther away
const STEPS = [1, 2, 5, 10];

export class View {
  /**
   * `home` are the lowest and highest coordinates of the whole, for each axis. With `rows`, the
   * second axis is made of rows, which are always all seen.
   * @param {[number, number][]} home
   * @param {boolean} rows
   */
  constructor(home, rows) {
    this.home = home;
    this.rows = rows;
    this.size = [0, 0];
    this.centre = home.map(([low, high]) => (low + high) / 2);
    /** @type {number | null} */
    this.unitsShown = null; // along the shorter side; null: the whole, however large the canvas is
  }

  get isHome() {
    return this.unitsShown === null;
  }

  // Pixels of a unit, for each axis.
  get scale() {
    const [x, y] = this.home.map(([low, high], axis) => this.size[axis] / (high - low));
    const whole = this.rows ? x : Math.min(x, y);
    const side = this.rows ? this.size[0] : Math.min(...this.size);
    const scale = this.unitsShown === null ? whole : side / this.unitsShown;
    return [scale, this.rows ? y : scale];
  }

  // Units along the shorter side that are seen now.
  get span() {
    return (this.rows ? this.size[0] : Math.min(...this.size)) / this.scale[0];
  }

  /**
   * Where a place lies on the canvas, in pixels of the style sheet.
   * @type {(x: number, y: number) => Place}
   */
  pixel(x, y) {
    const [right, up] = this.scale;
    return [
      this.size[0] / 2 + (x - this.centre[0]) * right,
      this.size[1] / 2 - (y - this.centre[1]) * up,
    ];
  }

  /**
   * The place at a pixel.
   * @type {(x: number, y: number) => Place}
   */
  place(x, y) {
    const [right, up] = this.scale;
    return [
      this.centre[0] + (x - this.size[0] / 2) / right,
      this.centre[1] - (y - this.size[1] / 2) / up,
    ];
  }

  goHome() {
    this.unitsShown = null;
    this.centre = this.home.map(([low, high]) => (low + high) / 2);
  }

  /**
   * Look at so many units around a centre.
   * @param {number[]} centre
   * @param {number} units along the shorter side
   */
  look(centre, units) {
    const whole = Math.max(
      ...this.home.slice(0, this.rows ? 1 : 2).map(([low, high]) => high - low),
    );
    const shown = Math.min(FARTHEST * whole, Math.max(whole / CLOSEST, units));
    this.unitsShown = shown;
    this.centre = this.home.map(([low, high], axis) => {
      if (axis && this.rows) return (low + high) / 2;
      const reach = Math.max(high - low, shown) / 2;
      const middle = (low + high) / 2;
      return Math.min(middle + reach, Math.max(middle - reach, centre[axis]));
    });
  }

  /**
   * Look so many times closer, and keep the place at this pixel where it is.
   * @type {(factor: number, x?: number, y?: number) => void}
   */
  zoom(factor, x = this.size[0] / 2, y = this.size[1] / 2) {
    const fixed = this.place(x, y);
    this.look(this.centre, this.span / factor);
    const [right, down] = this.pixel(...fixed);
    this.pan(x - right, y - down);
  }

  /**
   * Move what is seen by so many pixels.
   * @type {(x: number, y: number) => void}
   */
  pan(x, y) {
    const [right, up] = this.scale;
    this.look([this.centre[0] - x / right, this.centre[1] + y / up], this.span);
  }

  /**
   * Round numbers along an axis that are seen, at least so many pixels from each other.
   * @param {number} axis
   * @param {number} apart
   */
  ticks(axis, apart) {
    const scale = this.scale[axis];
    const least = apart / scale;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = power * (STEPS.find((factor) => factor * power >= least) ?? 10);
    const reach = this.size[axis] / 2 / scale;
    const first = Math.ceil((this.centre[axis] - reach) / step);
    const last = Math.floor((this.centre[axis] + reach) / step);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const values = Array.from(
      { length: Math.max(0, last - first + 1) },
      (_, i) => (first + i) * step,
    );
    return { values, digits };
  }
}
