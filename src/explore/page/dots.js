// The dots of a plane: painted pixel by pixel, which is ten times as fast as with the canvas' own
// shapes.

/** @import { Numbers } from "./data.js" */
/** @import { Place, View } from "./view.js" */

const RADIUS = 1.25; // pixels, when the whole is seen
const LARGEST = 4;

export class Dots {
  /**
   * @param {Float32Array} xy coordinates, two for each dot
   * @param {Numbers} labels
   */
  constructor(xy, labels) {
    this.xy = xy;
    this.labels = labels;
    this.canvas = document.createElement("canvas");
    /** @type {ImageData | undefined} */
    this.image = undefined;
  }

  /**
   * The dots in view, on a canvas of the view's size; `colours` are of "#rrggbb", null for a
   * class that is not shown.
   * @param {View} view
   * @param {number} ratio pixels of the screen in one of the style sheet
   * @param {(string | null)[]} colours
   */
  paint(view, ratio, colours) {
    const [width, height] = view.size.map((length) => Math.max(1, Math.round(length * ratio)));
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    if (this.image?.width !== width || this.image.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = pen.createImageData(width, height);
    }
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(0);
    const inks = colours.map((colour) => (colour ? inkOf(colour) : 0));
    const [right, up] = view.scale.map((scale) => scale * ratio);
    const [left, top] = view.pixel(0, 0).map((value) => value * ratio);
    const radius = radiusIn(view) * ratio;
    const reach = Math.ceil(radius);
    for (let i = 0; i < this.labels.length; i++) {
      const ink = inks[this.labels[i]];
      const x = left + this.xy[2 * i] * right;
      const y = top - this.xy[2 * i + 1] * up;
      if (!ink || x < -reach || y < -reach || x > width + reach || y > height + reach) continue;
      const last = Math.min(height - 1, Math.floor(y + radius - 0.5));
      for (let row = Math.max(0, Math.ceil(y - radius - 0.5)); row <= last; row++) {
        const half = Math.sqrt(Math.max(0, radius * radius - (row + 0.5 - y) ** 2));
        const end = Math.min(width - 1, Math.floor(x + half - 0.5));
        for (let at = Math.max(0, Math.ceil(x - half - 0.5)); at <= end; at++)
          pixels[row * width + at] = ink;
      }
    }
    pen.putImageData(this.image, 0, 0);
    return this.canvas;
  }

  /**
   * The dot nearest to a pixel, if one that is shown is in reach.
   * @param {View} view
   * @param {Place} pixel
   * @param {number} reach
   * @param {(label: number) => boolean} isShown
   * @returns {number | undefined}
   */
  nearest(view, [x, y], reach, isShown) {
    const [right, up] = view.scale;
    const [left, top] = view.pixel(0, 0);
    let nearest;
    let least = reach * reach;
    for (let i = 0; i < this.labels.length; i++) {
      const distance =
        (left + this.xy[2 * i] * right - x) ** 2 + (top - this.xy[2 * i + 1] * up - y) ** 2;
      if (distance < least && isShown(this.labels[i])) [nearest, least] = [i, distance];
    }
    return nearest;
  }
}

/**
 * Dots grow as one looks closer, but more slowly than what lies between them.
 * @param {View} view
 */
function radiusIn(view) {
  const [low, high] = view.home[0];
  const closer = Math.sqrt(Math.max(0.5, (high - low) / view.span));
  return Math.min(LARGEST, RADIUS * (view.isHome ? 1 : closer));
}

/**
 * "#rrggbb" as a pixel, whose first byte is red.
 * @param {string} colour
 */
function inkOf(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
