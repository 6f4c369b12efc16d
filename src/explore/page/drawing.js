// The canvas for a drawing, and what makes 28x28 greys of it as those of MNIST were made.

import { SIDE } from "./images.js";

const WIDTH = 280;
const PEN = 11; // radius: strokes are then as wide as MNIST's
const BOX = 20; // MNIST's digits fit a box of 20x20 pixels
const FINE = 6; // points along each side of a pixel, whose mean is its grey

export class Drawing {
  // `canvas` is drawn on by pointer, and with arrows and space; `onChange(greys)` is called with 784 greys.
  constructor(canvas, onChange) {
    Object.assign(this, { canvas, onChange });
    this.ink = new Float32Array(WIDTH * WIDTH); // 0 to 1
    this.pen = [WIDTH / 2, WIDTH / 2];
    this.listen();
    this.show();
  }

  listen() {
    const { canvas } = this;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * WIDTH];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.pen = place(event);
      this.line(this.pen);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.line(place(event));
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.show());
    canvas.addEventListener("blur", () => this.show());
  }

  // Arrows move the pen, with Shift they draw; space makes a dot.
  key(event) {
    const moves = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8], " ": [0, 0] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const to = this.pen.map((value, axis) => Math.min(WIDTH - PEN, Math.max(PEN, value + moves[event.key][axis])));
    if (event.shiftKey || event.key === " ") this.line(to);
    else {
      this.pen = to;
      this.show();
    }
  }

  clear() {
    this.ink.fill(0);
    this.show();
  }

  // Put an image (784 greys) onto the canvas, enlarged.
  put(greys) {
    const scale = WIDTH / SIDE;
    this.ink.forEach((_, i) => {
      this.ink[i] = greys[SIDE * Math.floor(i / WIDTH / scale) + Math.floor((i % WIDTH) / scale)];
    });
    this.show();
  }

  // Draw from where the pen is to there: discs along the way.
  line(to) {
    const steps = Math.ceil(Math.hypot(to[0] - this.pen[0], to[1] - this.pen[1]) / 2) || 1;
    for (let step = 0; step <= steps; step++) {
      this.disc(...this.pen.map((from, axis) => from + (step / steps) * (to[axis] - from)));
    }
    this.pen = to;
    this.show();
    this.onChange(this.greys());
  }

  disc(x, y) {
    for (let row = Math.max(0, Math.ceil(y - PEN)); row <= Math.min(WIDTH - 1, y + PEN); row++) {
      for (let column = Math.max(0, Math.ceil(x - PEN)); column <= Math.min(WIDTH - 1, x + PEN); column++) {
        if (Math.hypot(column - x, row - y) <= PEN) this.ink[row * WIDTH + column] = 1;
      }
    }
  }

  // The ink, and where the pen is while the keyboard leads it. No pixel is read back from the canvas: some browsers
  // give wrong ones, against the tracking of people.
  show() {
    const image = new ImageData(WIDTH, WIDTH);
    this.ink.forEach((value, i) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
    const brush = this.canvas.getContext("2d");
    brush.putImageData(image, 0, 0);
    if (document.activeElement !== this.canvas) return;
    brush.strokeStyle = "#ffa90e";
    brush.lineWidth = 2;
    brush.beginPath();
    brush.arc(...this.pen, PEN, 0, 2 * Math.PI);
    brush.stroke();
  }

  // The drawing scaled so that its longer side is 20 pixels, its centre of mass in the middle of 28x28.
  greys() {
    const { left, right, top, bottom, centre } = this.extent();
    const scale = Math.max(right - left, bottom - top) / BOX; // of the drawing's points in one pixel
    const greys = new Float32Array(SIDE * SIDE);
    for (let i = 0; i < greys.length * FINE * FINE; i++) {
      const [x, y] = [i % (SIDE * FINE), Math.floor(i / (SIDE * FINE))];
      const [column, row] = [x, y].map((fine, axis) => Math.floor(centre[axis] + ((fine + 0.5) / FINE - SIDE / 2) * scale));
      if (column < 0 || row < 0 || column >= WIDTH || row >= WIDTH) continue;
      greys[SIDE * Math.floor(y / FINE) + Math.floor(x / FINE)] += this.ink[row * WIDTH + column] / FINE ** 2;
    }
    return greys.map((grey) => Math.round(255 * grey) / 255);
  }

  // The edges of the drawing and its centre of mass.
  extent() {
    let [left, right, top, bottom, mass] = [WIDTH, 0, WIDTH, 0, 0];
    const sum = [0, 0];
    this.ink.forEach((value, i) => {
      if (!value) return;
      const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x + 1), Math.min(top, y), Math.max(bottom, y + 1)];
      mass += value;
      sum[0] += value * (x + 0.5);
      sum[1] += value * (y + 0.5);
    });
    return { left, right, top, bottom, centre: sum.map((value) => value / mass) };
  }
}
