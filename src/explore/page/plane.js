// A plane: dots, decoded images and marks on two canvases, and the point that input moves.

/** @import { Facts, Model, Numbers } from "./data.js" */
/** @import { Drawing, Inks } from "./axes.js" */
/** @import { Marks } from "./marks.js" */
/** @import { Place } from "./view.js" */

import { drawAxes, drawNames, drawRings, drawZero } from "./axes.js";
import { Dots } from "./dots.js";
import { DARK, onColours, oncePerFrame, onPixelRatio } from "./elements.js";
import { addInput } from "./input.js";
import { drawMarks, NO_MARKS } from "./marks.js";
import { Mosaic } from "./mosaic.js";
import { View } from "./view.js";

const FAINT = 0.45; // of the mosaic, behind dots
const EDGE = 12; // pixels from the edge of the canvas that the point keeps

/** @typedef {{ xy: Float32Array, labels: Numbers, words: string }} Earlier dots of an epoch */

/**
 * @typedef {object} PlaneHandlers
 * @property {(place: Place) => void} onMove
 * @property {(number: number) => void} onDot
 * @property {() => void} onOpen the image nearest to the point
 * @property {() => void} onTouch by hand, whatever follows
 * @property {() => void} onView another part is seen
 */

export class Plane {
  /**
   * `root` holds two canvases, one above the other. Without handlers the plane is read-only, and
   * small.
   * @param {HTMLElement} root
   * @param {Facts} facts
   * @param {Model} model
   * @param {PlaneHandlers} [handlers]
   */
  constructor(root, facts, model, handlers) {
    const { space } = model;
    this.root = root;
    this.facts = facts;
    this.model = model;
    this.handlers = handlers;
    this.title = `${model.facts.title}, ${handlers ? "latent space" : "small"}`;
    this.reach = model.frames.reach;
    this.dots = new Dots(space.xy, space.labels);
    /** @type {Earlier | null} */
    this.earlier = null; // what the dots are instead of those of now
    this.home = space.home;
    this.view = new View(this.home, space.isLine);
    this.names = this.namesOfClasses();
    /** @type {Set<number>} */
    this.shownClasses = new Set(); // all, while there is none
    this.shows = "dots";
    this.isHeld = false;
    /** @type {Plane[]} */
    this.copies = []; // small planes that show the same
    /** @type {Marks} */
    this.marks = { ...NO_MARKS, point: space.mean };
    const [below, above] = root.querySelectorAll("canvas");
    this.below = below;
    this.above = above;
    this.placeDots();
    this.drawStill = oncePerFrame(() => this.paintStill());
    this.drawMarks = oncePerFrame(() => this.paintMarks());
    this.mosaic = new Mosaic(
      (place) => model.network.decode(this.space.codeAfterMoving(space.mean, place)),
      this.drawStill,
      model.facts.mosaic,
    );
    this.readColours();
    this.writePoint = handlers && addInput(this, handlers);
    new ResizeObserver(([entry]) =>
      this.resize(entry.contentRect.width, entry.contentRect.height),
    ).observe(root);
    onPixelRatio(() => this.resize(this.view.size[0], this.view.size[1]));
    onColours(() => this.readColours());
  }

  get space() {
    return this.model.space;
  }

  // Where the point is.
  get place() {
    return this.space.toPlane(this.marks.point);
  }

  namesOfClasses() {
    return this.facts.classes.flatMap((text, label) => {
      const place = this.space.middleOf(label);
      return place ? [{ text, label, place }] : [];
    });
  }

  // The plane is seen along other axes: as a whole, with other places for all that it shows.
  showAxes() {
    for (const plane of [this, ...this.copies]) {
      plane.home = this.model.trained.space.home;
      plane.view.home = plane.home;
      plane.view.goHome();
      plane.mosaic.images.clear();
    }
    this.renew(true);
    this.handlers?.onView();
  }

  /**
   * The model is in another state: other images; what is seen stays the same part.
   * @param {boolean} hasOtherDots
   */
  renew(hasOtherDots) {
    if (hasOtherDots) {
      this.placeDots();
      this.names = this.namesOfClasses();
    }
    this.mosaic.renew();
    if (hasOtherDots || this.shows !== "dots") this.drawStill();
    this.drawMarks();
    for (const copy of this.copies) copy.renew(hasOtherDots);
  }

  /**
   * The dot nearest to a pixel, if one is in reach; none while those of the film are shown.
   * @type {(x: number, y: number, reach: number) => number | undefined}
   */
  dotAt(x, y, reach) {
    if (this.earlier) return undefined;
    return this.dots.nearest(this.view, [x, y], reach, (label) => this.isShown(label));
  }

  /**
   * Whether the point is at a dot.
   * @param {number} dot
   */
  isAt(dot) {
    const [x, y] = this.view.pixel(...this.space.dot(dot));
    const [left, top] = this.view.pixel(...this.place);
    return Math.hypot(x - left, this.view.rows ? 0 : y - top) < 1;
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
    this.handlers?.onView();
  }

  /**
   * Look so many times closer at the point; or from farther at the whole.
   * @param {number} factor
   */
  zoom(factor) {
    const { view } = this;
    const fixed = view.isHome && factor < 1 ? [] : view.pixel(...this.place);
    this.look(() => view.zoom(factor, ...fixed));
  }

  /**
   * Keep a place in view.
   * @param {Place} place
   */
  follow(place) {
    const { view } = this;
    const [right, down] = view
      .pixel(...place)
      .map((at, axis) => Math.min(0, view.size[axis] - EDGE - at) + Math.max(0, EDGE - at));
    if (!view.isHome && (right || (down && !view.rows))) this.look(() => view.pan(right, down));
  }

  /** @param {Partial<Marks>} marks */
  mark(marks) {
    Object.assign(this.marks, marks);
    if (marks.point) this.writePoint?.(this.place);
    this.drawMarks();
    for (const copy of this.copies) copy.mark(this.marks);
  }

  /** @param {number} label */
  isShown(label) {
    const hasDots = this.earlier !== null || this.shows !== "mosaic";
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

  /**
   * Show dots of an earlier epoch, or with null those of the trained model again. The whole then
   * holds the dots of all epochs.
   * @param {Earlier | null} earlier
   */
  showEarlier(earlier) {
    if (!earlier && !this.earlier) return;
    this.earlier = earlier;
    this.placeDots();
    this.view.home = this.home.map(([low, high], axis) => {
      const [least, most] = earlier ? this.reach[axis] : [low, high];
      return [Math.min(low, least), Math.max(high, most)];
    });
    if (this.view.isHome) this.view.goHome();
    this.drawStill();
    this.drawMarks();
    for (const copy of this.copies) copy.showEarlier(earlier);
  }

  // The dots are those of now, or of an earlier epoch; screen readers are told which.
  placeDots() {
    const { xy, labels } = this.earlier ?? this.space;
    Object.assign(this.dots, { xy, labels });
    const epoch = this.earlier ? ` after ${this.earlier.words}` : "";
    const words = `${this.title}: ${labels.length} dots${epoch}, coloured by class`;
    this.below.setAttribute("aria-label", words);
  }

  readColours() {
    const style = getComputedStyle(this.root);
    const read = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const names = ["ink", "quiet", "line", "surface", "accent"];
    this.inks = /** @type {Inks} */ (Object.fromEntries(names.map((name) => [name, read(name)])));
    this.mosaic.setDark(DARK.matches);
    this.drawStill();
    this.drawMarks();
  }

  /** @type {(width: number, height: number) => void} */
  resize(width, height) {
    this.view.size = [width, height];
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.paintStill(); // at once: a canvas is empty after a change of its size
    this.paintMarks();
  }

  /**
   * A canvas wiped clean, to draw on.
   * @type {(canvas: HTMLCanvasElement) => Drawing}
   */
  begin(canvas) {
    const { view } = this;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, view.size[0], view.size[1]);
    return { pen, view, inks: /** @type {Inks} */ (this.inks) };
  }

  // What stays while the point moves.
  paintStill() {
    const { view, space } = this;
    const [width, height] = view.size;
    if (!width) return;
    const drawing = this.begin(this.below);
    const { pen } = drawing;
    if (this.shows !== "dots" && !this.earlier) {
      pen.globalAlpha = this.shows === "both" ? FAINT : 0.9;
      this.mosaic.draw(pen, view);
      pen.globalAlpha = 1;
    }
    drawZero(drawing);
    const colours = this.facts.colours[DARK.matches ? "dark" : "light"];
    const shown = this.facts.classes.map((_, label) =>
      this.isShown(label) ? colours[label % colours.length] : null,
    );
    pen.drawImage(this.dots.paint(view, devicePixelRatio, shown), 0, 0, width, height);
    if (this.handlers) drawAxes(drawing, space.names);
    if (space.priorStd !== null)
      drawRings(drawing, space.toPlane(new Float32Array(space.dims)), space.priorStd);
    const names = this.earlier ? [] : this.names.filter(({ label }) => this.isShown(label));
    drawNames(drawing, names);
  }

  paintMarks() {
    if (!this.view.size[0]) return;
    const { point } = this.marks; // the only mark that does not belong to the dots of now
    const marks = this.earlier ? { ...NO_MARKS, point } : this.marks;
    drawMarks(this.begin(this.above), this.space, marks, this.isHeld);
  }
}
