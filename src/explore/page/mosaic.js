// The mosaic behind the dots: decoded images at even distances, made a few at a time and kept.

/** @import { Span } from "./data.js" */
/** @import { Place, View } from "./view.js" */

import { inSlices } from "./elements.js";
import { SIDE } from "./greys.js";

const WIDTH = 36; // pixels of an image, about
const KEPT = 3000; // images; beyond, all are made again as they come into view

export class Mosaic {
  /**
   * `decodeAt` gives the greys at a place, `onReady` is called when some have been made. With
   * `span`, there are images at those places only.
   * @param {(place: Place) => Float32Array} decodeAt
   * @param {() => void} onReady
   * @param {Span} [span]
   */
  constructor(decodeAt, onReady, span) {
    this.decodeAt = decodeAt;
    this.onReady = onReady;
    this.span = span;
    /** @type {Map<string, { image: ImageData, state: number }>} */
    this.images = new Map();
    this.state = 0; // of the model, a number that grows
    this.scratch = document.createElement("canvas");
    [this.scratch.width, this.scratch.height] = [SIDE, SIDE];
    this.stop = () => {};
    this.ink = 0;
  }

  /**
   * Images are drawn in black on nothing, or on a dark page in white.
   * @param {boolean} isDark
   */
  setDark(isDark) {
    this.ink = isDark ? 255 : 0;
    this.images.clear();
  }

  // The model is in another state: each image stays until its cell has been made again.
  renew() {
    this.state++;
  }

  /**
   * The cells in view, those in the middle first.
   * @param {View} view
   */
  cells(view) {
    const { span } = this;
    const [scale] = view.scale;
    const level = span ? 0 : Math.round(2 * Math.log2(WIDTH / scale));
    const step = span ? span.step : 2 ** (level / 2);
    const [left, bottom = 0] = span ? span.low : [0, 0];
    const ranges = [left, bottom].map((low, axis) => {
      if (axis && view.rows) return [0, 0];
      const reach = view.size[axis] / scale / 2;
      const [from, to] = [-reach, reach].map((by) =>
        Math.round((view.centre[axis] + by - low) / step),
      );
      return span ? [Math.max(0, from), Math.min(span.tiles - 1, to)] : [from, to];
    });
    const cells = [];
    for (let row = ranges[1][0]; row <= ranges[1][1]; row++) {
      for (let column = ranges[0][0]; column <= ranges[0][1]; column++) {
        const place = /** @type {Place} */ ([left + column * step, bottom + row * step]);
        const [x, y] = place;
        const away = Math.hypot(x - view.centre[0], view.rows ? 0 : y - view.centre[1]);
        cells.push({ key: `${level}:${column}:${row}`, place, away });
      }
    }
    return { cells: cells.sort((a, b) => a.away - b.away), step };
  }

  /**
   * Draw what is there, and begin to make what is missing.
   * @type {(pen: CanvasRenderingContext2D, view: View) => void}
   */
  draw(pen, view) {
    const { cells, step } = this.cells(view);
    const width = step * view.scale[0];
    const brush = /** @type {CanvasRenderingContext2D} */ (this.scratch.getContext("2d"));
    const missing = [];
    for (const cell of cells) {
      const { image, state } = this.images.get(cell.key) ?? { state: -1 };
      if (state < this.state) missing.push({ ...cell, state });
      if (image) {
        const [x, y] = view.pixel(...cell.place);
        brush.putImageData(image, 0, 0);
        const middle = view.rows ? view.size[1] - 22 - width / 2 : y;
        pen.drawImage(this.scratch, x - width / 2, middle - width / 2, width, width);
      }
    }
    this.make(missing.sort((a, b) => a.state - b.state)); // each in turn, however fast states come
  }

  /** @param {{ key: string, place: Place }[]} cells */
  make(cells) {
    this.stop();
    if (!cells.length) return;
    if (this.images.size > KEPT) this.images.clear();
    const waiting = cells.reverse();
    const work = () => {
      const cell = waiting.pop();
      if (cell) {
        const image = this.tinted(this.decodeAt(cell.place));
        this.images.set(cell.key, { image, state: this.state });
      }
      return waiting.length > 0;
    };
    this.stop = inSlices(work, this.onReady);
  }

  /** @param {Float32Array} greys */
  tinted(greys) {
    const { ink } = this;
    const image = new ImageData(SIDE, SIDE);
    greys.forEach((grey, i) => image.data.set([ink, ink, ink, 255 * grey], 4 * i));
    return image;
  }
}
