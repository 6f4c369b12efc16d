// The pad: the codes as dots, and a point that pointer, finger and keyboard move.

import { element, onColours, short } from "./elements.js";

// Petroff's ten colours (2021), which colour-blind people can tell apart.
export const COLOURS = [
  "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
];
const REACH = 12; // pixels from a click to the dot that it means

export class Pad {
  // `root` holds two canvases, one above the other. `places` are the dots' coordinates in one or two dimensions;
  // `onMove(place)` is called for a new point, `onDot(number)` for a click on a dot.
  constructor(root, { title, places, labels, classes, names, onMove, onDot }) {
    Object.assign(this, { root, labels, classes, names, onMove, onDot });
    this.lines = names.length === 1;
    // One dimension: the classes lie in rows; multiples of the golden ratio spread a class over its row.
    const row = (i) => labels[i] + 0.8 * (((i * 0.6180339887) % 1) - 0.5);
    this.dots = places.map((place, i) => (this.lines ? [place[0], row(i)] : place));
    this.frame = this.lines ? [range(this.dots, 0), [-0.7, classes.length - 0.3]] : square(this.dots);
    this.place = names.map(() => 0);
    this.shown = new Set();
    this.held = false;
    [this.below, this.above] = root.querySelectorAll("canvas");
    this.below.setAttribute("aria-label", `${title}: ${this.dots.length} dots, coloured by class`);
    root.setAttribute("aria-label", `${title}: the point that is decoded`);
    this.inputs = names.map((name, axis) => this.addRange(name, axis));
    this.listen();
    new ResizeObserver(() => this.resize()).observe(root);
    onColours(() => this.resize());
  }

  // A range that only assistive technology sees, one for each axis.
  addRange(name, axis) {
    const [min, max] = this.frame[axis];
    const input = element("input", { type: "range", class: "unseen", step: "any", min, max, "aria-label": name });
    input.addEventListener("input", () => this.move(this.place.map((old, i) => (i === axis ? Number(input.value) : old))));
    input.addEventListener("keydown", (event) => this.key(event, axis));
    this.root.append(input);
    return input;
  }

  // Arrows move in their own direction on either range, with Shift ten times as far; Home and End jump to the edges.
  key(event, axis) {
    const arrows = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
    const place = [...this.place];
    if (event.key === "Home") place[axis] = this.frame[axis][0];
    else if (event.key === "End") place[axis] = this.frame[axis][1];
    else if (event.key in arrows) {
      const [wanted, sign] = arrows[event.key];
      const along = this.lines ? 0 : wanted;
      const [low, high] = this.frame[along];
      const step = ((high - low) / 200) * (event.shiftKey ? 10 : 1);
      place[along] = Math.min(high, Math.max(low, place[along] + sign * step));
    } else return;
    event.preventDefault();
    this.held = true;
    this.move(place);
  }

  move(place) {
    this.place = place; // the next step starts here, even within the same frame
    this.onMove(place);
  }

  // A mouse moves the point as it moves, until a click holds it; a finger drags it.
  listen() {
    const { root } = this;
    let pressed = false;
    root.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      root.setPointerCapture(event.pointerId);
      pressed = true;
      const dot = this.dotAt(event);
      this.held = !this.held || event.pointerType !== "mouse" || dot !== undefined;
      this.inputs[0].focus({ preventScroll: true });
      if (dot === undefined) this.move(this.placeAt(event));
      else this.onDot(dot);
    });
    root.addEventListener("pointermove", (event) => {
      if (pressed || (event.pointerType === "mouse" && !this.held)) this.move(this.placeAt(event));
    });
    root.addEventListener("mousedown", (event) => event.preventDefault()); // it would take the focus away again
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => (pressed = false));
  }

  // Where on the canvas a place lies, in pixels of the style sheet.
  pixel(place) {
    const { clientWidth: width, clientHeight: height } = this.root;
    const [x, y] = this.frame.map(([low, high], axis) => ((place[axis] ?? (low + high) / 2) - low) / (high - low));
    return [x * width, (1 - y) * height];
  }

  placeAt(event) {
    const box = this.root.getBoundingClientRect();
    const shares = [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
    return this.names.map((_, axis) => {
      const [low, high] = this.frame[axis];
      return low + Math.min(1, Math.max(0, shares[axis])) * (high - low);
    });
  }

  // The dot nearest to an event, if one is in reach.
  dotAt(event) {
    const box = this.root.getBoundingClientRect();
    let nearest;
    let least = REACH;
    this.dots.forEach((dot, i) => {
      if (!this.isShown(i)) return;
      const [x, y] = this.pixel(dot);
      const distance = Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top);
      if (distance < least) [nearest, least] = [i, distance];
    });
    return nearest;
  }

  isShown(i) {
    return !this.shown.size || this.shown.has(this.labels[i]);
  }

  // Show the dots of these classes only; of all, if there is none.
  filter(labels) {
    this.shown = new Set(labels);
    this.drawDots();
  }

  resize() {
    for (const canvas of [this.below, this.above]) {
      canvas.width = this.root.clientWidth * devicePixelRatio;
      canvas.height = this.root.clientHeight * devicePixelRatio;
      canvas.getContext("2d").scale(devicePixelRatio, devicePixelRatio);
    }
    this.drawDots();
    this.drawMarks();
  }

  // The dots are drawn once, on a canvas of their own; what moves is drawn above them.
  drawDots() {
    const pen = this.clear(this.below);
    pen.globalAlpha = 0.75;
    this.dots.forEach((dot, i) => {
      if (!this.isShown(i)) return;
      const [x, y] = this.pixel(dot);
      pen.fillStyle = COLOURS[this.labels[i]];
      pen.fillRect(x - 1.1, y - 1.1, 2.2, 2.2);
    });
    pen.globalAlpha = 1;
    this.classes.forEach((name, label) => {
      const own = this.dots.filter((_, i) => this.labels[i] === label && this.isShown(i));
      if (own.length) this.write(pen, name, this.lines ? [this.frame[0][0], label] : [0, 1].map((axis) => median(own, axis)));
    });
  }

  // A class's name among its dots, with a halo.
  write(pen, name, place) {
    const [x, y] = this.pixel(place);
    pen.font = "600 14px system-ui, sans-serif";
    pen.textAlign = this.lines ? "left" : "center";
    pen.textBaseline = "middle";
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = this.colour("--surface");
    pen.strokeText(name, x + (this.lines ? 4 : 0), y);
    pen.fillStyle = this.colour("--ink");
    pen.fillText(name, x + (this.lines ? 4 : 0), y);
  }

  // Mark the point that is decoded.
  mark(place) {
    this.place = place;
    this.inputs.forEach((input, axis) => {
      input.value = place[axis];
      input.setAttribute("aria-valuetext", `${this.names[axis]} ${short(place[axis], 2)}`);
    });
    this.drawMarks();
  }

  // Mark where a drawing falls; `ellipse` is of its posterior's standard deviation, if it has one.
  markDrawing(place, ellipse) {
    this.drawing = { place, ellipse };
    this.drawMarks();
  }

  drawMarks() {
    const pen = this.clear(this.above);
    if (this.drawing) this.drawDrawing(pen);
    const [x, y] = this.pixel(this.place);
    const { clientWidth: width, clientHeight: height } = this.root;
    pen.strokeStyle = this.colour("--ink");
    pen.lineWidth = 1;
    pen.globalAlpha = 0.6;
    for (const line of [[x, 0, x, height], ...(this.lines ? [] : [[0, y, width, y]])]) {
      pen.beginPath();
      pen.moveTo(line[0], line[1]);
      pen.lineTo(line[2], line[3]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    pen.fillStyle = this.colour(this.held ? "--ink" : "--surface");
    pen.beginPath();
    pen.arc(x, y, 5, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
  }

  drawDrawing(pen) {
    const { place, ellipse } = this.drawing;
    const [x, y] = this.pixel(place);
    pen.strokeStyle = this.colour("--accent");
    pen.lineWidth = 2.5;
    pen.strokeRect(x - 5, y - 5, 10, 10);
    if (!ellipse) return;
    const [right, top] = this.pixel(place.map((value) => value + 1)).map((value, i) => Math.abs(value - [x, y][i]));
    pen.save();
    pen.translate(x, y);
    pen.scale(right, this.lines ? 1 : -top);
    pen.rotate(ellipse.angle);
    pen.beginPath();
    pen.ellipse(0, 0, ellipse.radii[0], this.lines ? 12 : ellipse.radii[1], 0, 0, 2 * Math.PI);
    pen.restore();
    pen.stroke();
  }

  clear(canvas) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, this.root.clientWidth, this.root.clientHeight);
    return pen;
  }

  colour(name) {
    return getComputedStyle(this.root).getPropertyValue(name);
  }
}

// The lowest and highest coordinate of dots along an axis, with a margin.
function range(dots, axis) {
  let [low, high] = [Infinity, -Infinity];
  for (const dot of dots) [low, high] = [Math.min(low, dot[axis]), Math.max(high, dot[axis])];
  const margin = 0.04 * (high - low) || 1;
  return [low - margin, high + margin];
}

// The ranges of both axes, equally long, so that distances look the same in all directions.
function square(dots) {
  const ranges = [0, 1].map((axis) => range(dots, axis));
  const half = Math.max(...ranges.map(([low, high]) => (high - low) / 2));
  return ranges.map(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]);
}

function median(dots, axis) {
  return dots.map((dot) => dot[axis]).sort((a, b) => a - b)[dots.length >> 1];
}
