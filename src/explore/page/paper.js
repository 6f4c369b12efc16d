// The paper to draw on, by mouse, pen, finger and keyboard. What is drawn is kept as lines.

/** @import { Stroke } from "./picture.js" */
/** @import { Place } from "./view.js" */

import { oncePerFrame } from "./elements.js";
import { SIDE } from "./greys.js";
import { paint } from "./images.js";
import { within } from "./input.js";
import { WIDTH } from "./picture.js";

const PEN = 26; // width of a line on the paper
const STEP = 8; // of the keyboard's pen
const APART = 2; // points of a line nearer than this to the last one are left out

export class Paper {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(strokes: Stroke[]) => void} onChange at most once for each frame
   */
  constructor(canvas, onChange) {
    this.canvas = canvas;
    [canvas.width, canvas.height] = [WIDTH, WIDTH];
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Float32Array | undefined} */
    this.image = undefined;
    /** @type {Place} */
    this.pen = [WIDTH / 2, WIDTH / 2];
    this.isPenDown = false;
    this.changed = oncePerFrame(() => onChange(this.strokes));
    this.show = oncePerFrame(() => this.draw());
    this.listen();
    this.show();
  }

  listen() {
    const { canvas } = this;
    const place = (/** @type {PointerEvent} */ event) => {
      const scale = WIDTH / canvas.clientWidth;
      return /** @type {Place} */ (within(canvas, event).map((value) => Math.round(value * scale)));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary) return;
      this.isPenDown = true;
      this.begin(place(event));
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.isPenDown && event.isPrimary) this.lineTo(place(event));
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => (this.isPenDown = false));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", this.show);
    canvas.addEventListener("blur", this.show);
  }

  /**
   * Arrows move the pen, with Shift they draw; space makes a dot.
   * @param {KeyboardEvent} event
   */
  key(event) {
    /** @type {Record<string, Place>} */
    const moves = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      " ": [0, 0],
    };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const ends = moves[event.key].map((by, axis) => this.pen[axis] + STEP * by);
    const [x, y] = ends.map((end) => Math.min(WIDTH - PEN / 2, Math.max(PEN / 2, end)));
    /** @type {Place} */
    const to = [x, y];
    if (event.key === " ") this.begin(to);
    else if (event.shiftKey) {
      const last = this.strokes.at(-1)?.at(-1);
      if (last?.[0] !== this.pen[0] || last[1] !== this.pen[1]) this.begin(this.pen);
      this.lineTo(to);
    }
    this.pen = to;
    this.show();
  }

  /** @param {Place} place */
  begin(place) {
    this.pen = place;
    this.strokes.push([place]);
    this.show();
    this.changed();
  }

  /** @param {Place} place */
  lineTo(place) {
    const stroke = this.strokes.at(-1);
    if (!stroke || Math.hypot(place[0] - this.pen[0], place[1] - this.pen[1]) < APART) return;
    stroke.push(place);
    this.pen = place;
    this.show();
    this.changed();
  }

  /**
   * Show strokes, over an image (784 greys) if they are drawn over one.
   * @type {(strokes: Stroke[], image?: Float32Array) => void}
   */
  put(strokes, image) {
    [this.strokes, this.image] = [strokes, image];
    this.show();
  }

  // No pixel is read back from the canvas: some browsers give wrong ones, against the tracking of
  // people.
  draw() {
    const brush = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    brush.fillStyle = "#000";
    brush.fillRect(0, 0, WIDTH, WIDTH);
    if (this.image) {
      const small = document.createElement("canvas");
      [small.width, small.height] = [SIDE, SIDE];
      paint(small, this.image);
      brush.imageSmoothingEnabled = false;
      brush.drawImage(small, 0, 0, WIDTH, WIDTH);
    }
    brush.lineCap = brush.lineJoin = "round";
    brush.lineWidth = PEN;
    brush.strokeStyle = "#fff";
    for (const stroke of this.strokes) {
      brush.beginPath();
      brush.moveTo(...stroke[0]);
      for (const point of stroke) brush.lineTo(...point);
      brush.stroke();
    }
    if (document.activeElement !== this.canvas) return;
    brush.strokeStyle = "#ffa90e";
    brush.lineWidth = 2;
    brush.beginPath();
    brush.arc(...this.pen, PEN / 2, 0, 2 * Math.PI);
    brush.stroke();
  }
}
