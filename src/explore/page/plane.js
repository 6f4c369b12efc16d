// The plane: dots, mosaic and marks on two canvases, and a point that mouse, finger and keyboard
// move.

import { drawAxes, drawNames, drawRings, drawZero } from "./axes.js";
import { Dots } from "./dots.js";
import { nameDots } from "./earlier.js";
import { onColours, oncePerFrame, onPixelRatio } from "./elements.js";
import { addHands } from "./hands.js";
import { drawMarks } from "./marks.js";
import { Mosaic } from "./mosaic.js";
import { homeOf, namesOf } from "./extent.js";
import { View } from "./view.js";

const FAINT = 0.45; // of the mosaic, behind dots

/** @typedef {import("./types.js").Place} Place */

/** @typedef {import("./types.js").Parts} Parts */
/** @typedef {import("./types.js").Answers} Answers */

export class Plane {
  /**
   * `root` holds two canvases, one above the other. Without answers the plane is only looked at.
   * @param {HTMLElement} root
   * @param {Parts} parts
   * @param {Answers} [answers]
   */
  constructor(root, parts, answers) {
    this.root = root;
    this.parts = parts;
    this.answers = answers;
    this.dots = new Dots(parts.space.xy, parts.space.labels);
    this.home = homeOf(parts.space);
    this.view = new View(this.home, parts.space.isLine);
    this.names = namesOf(parts);
    /** @type {Set<number>} */
    this.shownClasses = new Set(); // all, while there is none
    this.shows = "dots";
    this.isHeld = false;
    /** @type {Dots | null} */
    this.film = null; // of an earlier epoch, instead of the dots
    /** @type {Plane[]} */
    this.copies = []; // small planes that show the same marks
    /** @type {import("./types.js").Marks} */
    this.marks = {
      point: parts.space.toPlane(parts.space.mean),
      near: [],
      image: null,
      crosses: [],
      line: null,
    };
    const [below, above] = root.querySelectorAll("canvas");
    this.below = below;
    this.above = above;
    nameDots(this);
    this.drawStill = oncePerFrame(() => this.paintStill());
    this.drawMarks = oncePerFrame(() => this.paintMarks());
    this.mosaic = new Mosaic(parts.decodeAt, this.drawStill, parts.span);
    this.readColours();
    if (answers) addHands(this, answers);
    new ResizeObserver(([entry]) =>
      this.resize(entry.contentRect.width, entry.contentRect.height),
    ).observe(root);
    onPixelRatio(() => this.resize(this.view.size[0], this.view.size[1]));
    onColours(() => this.readColours());
  }

  /**
   * Hold the point at a pixel, or the dot there.
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   */
  take(x, y, reach) {
    const dot = this.film
      ? undefined
      : this.dots.nearest(this.view, x, y, reach, (label) => this.isShown(label));
    if (dot === undefined) this.answers?.onMove(this.view.place(x, y));
    else this.answers?.onDot(dot);
    this.hold(true);
  }

  /** @param {boolean} isHeld whether the point stays where it is when the mouse moves */
  hold(isHeld) {
    this.isHeld = isHeld;
    this.root.classList.toggle("held", isHeld);
    this.drawMarks();
  }

  /**
   * Look at another part of the plane.
   * @param {() => void} change
   */
  look(change) {
    change();
    this.drawStill();
    this.drawMarks();
    this.answers?.onView();
  }

  /** @param {Partial<import("./types.js").Marks>} marks */
  mark(marks) {
    Object.assign(this.marks, marks);
    this.drawMarks();
    for (const copy of this.copies) copy.mark(this.marks);
  }

  /** @param {number} label */
  isShown(label) {
    const hasDots = this.film !== null || this.shows !== "mosaic";
    return hasDots && (!this.shownClasses.size || this.shownClasses.has(label));
  }

  /**
   * @param {string} shows "dots", "mosaic" or "both"
   * @param {Set<number>} classes whose dots are shown; all, if there is none
   */
  show(shows, classes) {
    [this.shows, this.shownClasses] = [shows, classes];
    this.drawStill();
    for (const copy of this.copies) copy.show(shows, classes);
  }

  readColours() {
    const style = getComputedStyle(this.root);
    const read = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    this.inks = {
      ink: read("ink"),
      quiet: read("quiet"),
      line: read("line"),
      surface: read("surface"),
      accent: read("accent"),
    };
    this.isDark = read("ground") === "dark";
    this.mosaic.setInk(this.isDark ? "#ffffff" : "#000000");
    this.drawStill();
    this.drawMarks();
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.view.size = [width, height];
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.paintStill(); // at once: a canvas is empty after a change of its size
    this.paintMarks();
  }

  /** @param {HTMLCanvasElement} canvas */
  pen(canvas) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, this.view.size[0], this.view.size[1]);
    return pen;
  }

  // What stays while the point moves.
  paintStill() {
    const { view, inks, parts } = this;
    if (!view.size[0] || !inks) return;
    const pen = this.pen(this.below);
    if (this.shows !== "dots") {
      pen.globalAlpha = this.shows === "both" ? FAINT : 0.9;
      this.mosaic.draw(pen, view);
      pen.globalAlpha = 1;
    }
    drawZero(pen, view, inks);
    const colours = parts.colours[this.isDark ? "dark" : "light"];
    const shown = parts.classes.map((_, label) =>
      this.isShown(label) ? colours[label % colours.length] : null,
    );
    const dots = this.film ?? this.dots;
    pen.drawImage(dots.paint(view, devicePixelRatio, shown), 0, 0, view.size[0], view.size[1]);
    if (this.answers) drawAxes(pen, view, parts.space.names, inks);
    if (parts.prior) drawRings(pen, view, parts.prior.centre, parts.prior.std, inks);
    drawNames(
      pen,
      view,
      this.film ? [] : this.names.filter((_, label) => this.isShown(label)),
      inks,
    );
  }

  paintMarks() {
    if (!this.view.size[0] || !this.inks) return;
    drawMarks(this.pen(this.above), this.view, this.marks, this.isHeld, this.inks);
  }
}
