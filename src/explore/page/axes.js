// What a plane shows besides its dots: axes, the prior's rings, and the names of the classes.

/** @import { Place, View } from "./view.js" */

import { numberText } from "./elements.js";

const FONT = "system-ui, sans-serif";
const TEXT = 11; // pixels on a plane of 400 or less, and more on larger ones
const MARGIN = 4;

/** @typedef {{ ink: string, quiet: string, line: string, surface: string, accent: string }} Inks */
/** @typedef {{ pen: CanvasRenderingContext2D, view: View, inks: Inks }} Drawing a plane's canvas */

/**
 * How large the axes' text is.
 * @param {View} view
 */
function textOf(view) {
  return Math.max(TEXT, Math.round(TEXT + (Math.min(...view.size) - 400) / 100));
}

/**
 * The lines at zero, which lie below the dots.
 * @param {Drawing} drawing
 */
export function drawZero({ pen, view, inks }) {
  const [width, height] = view.size;
  const [x, y] = view.pixel(0, 0).map((value) => Math.round(value) + 0.5);
  drawLine(pen, inks.line, [x, 0, x, height]);
  if (!view.rows) drawLine(pen, inks.line, [0, y, width, y]);
}

/**
 * Round numbers along the edges, and the axes' names.
 * @type {(drawing: Drawing, names: string[]) => void}
 */
export function drawAxes(drawing, names) {
  const { pen, view, inks } = drawing;
  const [width, height] = view.size;
  const size = textOf(view);
  pen.font = `${size}px ${FONT}`;
  const end = width - pen.measureText(names[0]).width - 2 * size; // where its name begins
  for (const axis of view.rows ? [0] : [0, 1]) {
    const { values, digits } = view.ticks(axis, size * (axis ? 5 : 6.5));
    for (const value of values) {
      const pixel = axis ? view.pixel(0, value)[1] : view.pixel(value, 0)[0];
      const isNearEnd = axis ? pixel > height - 3 * size || pixel < 2 * size : pixel > end;
      if (isNearEnd || (!axis && pixel < 3 * size)) continue;
      const ends = axis ? [0, pixel, 5, pixel] : [pixel, height, pixel, height - 5];
      drawLine(pen, inks.quiet, ends);
      pen.textAlign = axis ? "left" : "center";
      pen.textBaseline = axis ? "middle" : "alphabetic";
      write(drawing, numberText(value, digits), axis ? [8, pixel] : [pixel, height - 8]);
    }
  }
  pen.textAlign = "right";
  pen.textBaseline = "alphabetic";
  write(drawing, names[0], [width - 6, height - 8]);
  if (view.rows) return;
  pen.textAlign = "left";
  write(drawing, names[1], [6, size + 3]);
}

/**
 * Rings at 1, 2 and 3 standard deviations of the prior around its centre.
 * @type {(drawing: Drawing, centre: Place, std: number) => void}
 */
export function drawRings(drawing, centre, std) {
  const { pen, view, inks } = drawing;
  const [x, y] = view.pixel(...centre);
  const reaches = [1, 2, 3].map((count) => count * std * view.scale[0]);
  for (const reach of reaches) {
    const sides = view.rows ? [x - reach, x + reach] : [];
    trace(pen, ...sides.map((side) => [side, 0, side, view.size[1]]));
    if (!view.rows) pen.arc(x, y, reach, 0, 2 * Math.PI);
    strokeWithHalo(drawing, inks.quiet, 1.5, 1.5, [5, 4]);
  }
  pen.font = `${textOf(view)}px ${FONT}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  reaches.forEach((reach, i) => {
    const [right, up] = view.rows ? [reach, y - 12] : [reach * Math.SQRT1_2, reach * Math.SQRT1_2];
    if (reach > 14) write(drawing, `${i ? "" : "prior "}${i + 1}\u03c3`, [x + right, y - up]);
  });
}

/**
 * Names at their places, pushed apart where they would cover each other; a line leads back from a
 * name that has moved.
 * @type {(drawing: Drawing, names: { text: string, place: Place }[]) => void}
 */
export function drawNames(drawing, names) {
  const { pen, view, inks } = drawing;
  const size = textOf(view) + 3;
  pen.font = `600 ${size}px ${FONT}`;
  pen.textBaseline = "middle";
  pen.textAlign = view.rows ? "left" : "center";
  const boxes = names.flatMap(({ text, place }) => {
    const [x, y] = view.pixel(...place);
    if (view.rows) return [{ text, x: 8, y, from: [8, y], half: [0, 0] }];
    if (x < 0 || y < 0 || x > view.size[0] || y > view.size[1]) return [];
    return [
      { text, x, y, from: [x, y], half: [pen.measureText(text).width / 2 + 3, size / 2 + 2] },
    ];
  });
  if (!view.rows) pushApart(boxes, view.size);
  for (const { text, x, y, from, half } of boxes) {
    if (Math.hypot(x - from[0], y - from[1]) > half[1] + 4) {
      drawLine(pen, inks.ink, [...from, x, y]);
    }
    write(drawing, text, [x, y], inks.ink, 4);
  }
}

/**
 * Moves boxes that overlap, the shorter way, and keeps all within the canvas.
 * @type {(boxes: { x: number, y: number, half: number[] }[], size: number[]) => void}
 */
function pushApart(boxes, size) {
  for (let round = 0; round < 60; round++) {
    let isCrowded = false;
    for (let i = 0; i < boxes.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [boxes[i], boxes[j]];
        const [wide, high] = [0, 1].map((axis) => a.half[axis] + b.half[axis]);
        const over = [wide - Math.abs(a.x - b.x), high - Math.abs(a.y - b.y)];
        if (over[0] <= 0 || over[1] <= 0) continue;
        isCrowded = true;
        const axis = over[0] < over[1] ? "x" : "y";
        const by = ((axis === "x" ? over[0] : over[1]) / 2 + 0.25) * (a[axis] < b[axis] ? -1 : 1);
        a[axis] += by;
        b[axis] -= by;
      }
    }
    for (const box of boxes) {
      box.x = Math.min(size[0] - box.half[0] - MARGIN, Math.max(box.half[0] + MARGIN, box.x));
      box.y = Math.min(size[1] - box.half[1] - MARGIN, Math.max(box.half[1] + MARGIN, box.y));
    }
    if (!isCrowded) return;
  }
}

/** @type {(pen: CanvasRenderingContext2D, ink: string, ends: number[]) => void} */
function drawLine(pen, ink, ends) {
  trace(pen, ends);
  pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.stroke();
}

/**
 * Begin a path with lines, each of which has two ends: x, y, x, y.
 * @type {(pen: CanvasRenderingContext2D, ...lines: number[][]) => void}
 */
export function trace(pen, ...lines) {
  pen.beginPath();
  for (const [x, y, toX, toY] of lines) {
    pen.moveTo(x, y);
    pen.lineTo(toX, toY);
  }
}

/**
 * The path that was begun, which may be dashed, with a halo that adds so much to its width.
 * @type {(drawing: Drawing, ink: string, width: number, halo?: number, dashes?: number[]) => void}
 */
export function strokeWithHalo({ pen, inks }, ink, width, halo = 2.5, dashes = []) {
  pen.lineWidth = width + halo;
  pen.strokeStyle = inks.surface;
  pen.stroke();
  pen.lineWidth = width;
  pen.strokeStyle = ink;
  pen.setLineDash(dashes);
  pen.stroke();
  pen.setLineDash([]);
}

/**
 * Text with a halo of a width, to be read on anything.
 * @type {(drawing: Drawing, text: string, place: Place, ink?: string, halo?: number) => void}
 */
function write({ pen, inks }, text, [x, y], ink = inks.quiet, halo = 3) {
  pen.lineWidth = halo;
  pen.lineJoin = "round";
  pen.strokeStyle = inks.surface;
  pen.strokeText(text, x, y);
  pen.fillStyle = ink;
  pen.fillText(text, x, y);
}
