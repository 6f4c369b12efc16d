// A straight path between two codes of each model: a line on its plane, and along it the point.

import { element, part } from "./elements.js";
import { endPart, MARKED, pathPart } from "./places.js";
import { Strip } from "./strip.js";

const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** @typedef {import("./panel.js").Panel} Panel */

export class Path {
  /**
   * @param {HTMLElement} root
   * @param {Panel[]} panels
   * @param {string[]} classes
   * @param {() => void} onChange
   */
  constructor(root, panels, classes, onChange) {
    this.root = root;
    this.panels = panels;
    this.onChange = onChange;
    this.labels = panels[0].facts.endLabels; // of the classes that have an end
    this.share = 0; // of the way; finer than the steps of `along`, for fast screens
    this.direction = 1;
    this.isPlaying = false;
    this.isShown = false;
    this.along = /** @type {HTMLInputElement} */ (part(root, ".along"));
    this.speed = /** @type {HTMLInputElement} */ (part(root, ".speed"));
    this.selects = /** @type {HTMLSelectElement[]} */ (Array.from(root.querySelectorAll("select")));
    /** @type {(Float32Array[] | null)[]} */
    this.marked = [null, null]; // the codes of a marked end, one for each model
    this.selects.forEach((select, side) => this.addEnd(select, side, classes));
    this.strips = panels.map((panel) => new Strip(part(root, ".rows"), panel));
    part(root, ".play").addEventListener("click", () =>
      this.isPlaying ? this.pause() : this.play(),
    );
    part(root, ".turn").addEventListener("click", () => this.turn());
    this.along.addEventListener("input", () => {
      this.pause();
      this.moveTo(Number(this.along.value));
    });
    this.showDirection();
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {number} side
   * @param {string[]} classes
   */
  addEnd(select, side, classes) {
    for (const label of this.labels)
      select.append(element("option", { value: label }, classes[label]));
    select.append(element("option", { value: MARKED }, "the point"));
    select.value = this.startLabel(side);
    select.addEventListener("change", () => {
      if (select.value === MARKED) this.marked[side] = this.panels.map((panel) => panel.code);
      this.lay();
    });
  }

  /** @param {number} side */
  startLabel(side) {
    return String(this.labels[side === 0 ? Math.min(1, this.labels.length - 1) : 0]);
  }

  /**
   * The codes at both ends of a model's path.
   * @param {number} number of the panel
   */
  ends(number) {
    const { ends, facts } = this.panels[number];
    return this.selects.map((select, side) => {
      if (select.value === MARKED) return this.marked[side]?.[number] ?? this.panels[number].code;
      return ends[facts.endLabels.indexOf(Number(select.value))];
    });
  }

  /**
   * @param {number} number of the panel
   * @param {number} share
   */
  codeAt(number, share) {
    const [from, to] = this.ends(number);
    return Float32Array.from(from, (value, i) => value + share * (to[i] - value));
  }

  /** @param {boolean} isShown whether the line is on the planes */
  show(isShown) {
    this.isShown = isShown;
    if (!isShown) this.pause();
    this.lay();
  }

  // The path is another: lines, strips and curves are drawn anew.
  lay() {
    this.panels.forEach((panel, number) => {
      const [from, to] = this.ends(number).map((code) => panel.space.toPlane(code));
      panel.plane.mark({ line: this.isShown ? { from, to } : null });
      if (!this.isShown) return;
      const go = (/** @type {number} */ share) => {
        this.pause();
        this.moveTo(share);
      };
      this.strips[number].lay((share) => this.codeAt(number, share), go);
    });
    this.onChange();
  }

  showShare() {
    this.along.value = String(this.share);
    this.along.setAttribute("aria-valuetext", `${Math.round(100 * this.share)} % of the way`);
    for (const strip of this.strips) strip.move(this.share);
  }

  /** @param {number} share */
  moveTo(share) {
    this.share = share;
    // With reduced motion the points go in tenths of the way.
    const at = this.isPlaying && CALM.matches ? Math.round(share * 10) / 10 : share;
    this.panels.forEach((panel, number) => panel.goTo(this.codeAt(number, at)));
    this.showShare();
    this.onChange();
  }

  play() {
    this.isPlaying = true;
    part(this.root, ".play").textContent = "Pause";
    let before = performance.now();
    const step = (/** @type {number} */ now) => {
      if (!this.isPlaying) return;
      const next = this.share + (this.direction * Number(this.speed.value) * (now - before)) / 1000;
      before = now;
      if (next <= 0 || next >= 1) this.direction = next >= 1 ? -1 : 1; // at an end it turns
      this.moveTo(Math.min(1, Math.max(0, next)));
      this.showDirection();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() {
    this.isPlaying = false;
    part(this.root, ".play").textContent = "Play both";
  }

  turn() {
    this.direction = -this.direction;
    this.showDirection();
  }

  showDirection() {
    part(this.root, ".turn").textContent =
      this.direction > 0 ? "Direction: forwards" : "Direction: back";
  }

  // For the address: its ends, if they are points, and classes and the share of the way.
  get stateParts() {
    return [endPart(this, 0), endPart(this, 1), pathPart(this)];
  }
}
