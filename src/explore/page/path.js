// A straight path between two codes of each model: a line on its plane, and along it the point.

/** @import { Panel } from "./panel.js" */
/** @import { AddressField } from "./state.js" */

import { eachFrame, element, find, REDUCED_MOTION } from "./elements.js";
import { numbersIn, textOf } from "./state.js";
import { Strip } from "./strip.js";

const MARKED = "point"; // an end that is no class

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
    this.startLabels = [this.labels[1] ?? this.labels[0], this.labels[0]].map(String);
    this.share = 0; // of the way; finer than the steps of `along`, for fast screens
    this.direction = 1;
    this.isPlaying = false;
    this.stop = () => {};
    this.isShown = false;
    this.along = /** @type {HTMLInputElement} */ (find(root, ".along"));
    this.speed = /** @type {HTMLInputElement} */ (find(root, ".speed"));
    this.selects = /** @type {HTMLSelectElement[]} */ (Array.from(root.querySelectorAll("select")));
    /** @type {(Float32Array[] | null)[]} */
    this.marked = [null, null]; // the codes of a marked end, one for each model
    this.selects.forEach((select, side) => this.addEnd(select, side, classes));
    this.strips = panels.map((panel) => new Strip(find(root, ".rows"), panel));
    find(root, ".play").addEventListener("click", () =>
      this.isPlaying ? this.pause() : this.play(),
    );
    find(root, ".turn").addEventListener("click", () => this.turn(-this.direction));
    this.along.addEventListener("input", () => {
      this.pause();
      this.moveTo(Number(this.along.value));
    });
  }

  /** @type {(select: HTMLSelectElement, side: number, classes: string[]) => void} */
  addEnd(select, side, classes) {
    for (const label of this.labels)
      select.append(element("option", { value: label }, classes[label]));
    select.append(element("option", { value: MARKED }, "the point"));
    select.value = this.startLabels[side];
    select.addEventListener("change", () => {
      if (select.value === MARKED) this.marked[side] = this.panels.map((panel) => panel.code);
      this.lay();
    });
  }

  /**
   * The codes at both ends of a model's path.
   * @param {number} number of the panel
   */
  ends(number) {
    const panel = this.panels[number];
    return this.selects.map((select, side) => {
      if (select.value === MARKED) return this.marked[side]?.[number] ?? panel.code;
      return panel.endCode(Number(select.value));
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
      const [from, to] = this.ends(number);
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
    const at = this.isPlaying && REDUCED_MOTION.matches ? Math.round(share * 10) / 10 : share;
    this.panels.forEach((panel, number) => panel.goTo(this.codeAt(number, at)));
    this.showShare();
    this.onChange();
  }

  play() {
    this.stop();
    this.isPlaying = true;
    find(this.root, ".play").textContent = "Pause";
    this.stop = eachFrame((seconds) => {
      const next = this.share + this.direction * Number(this.speed.value) * seconds;
      if (next <= 0 || next >= 1) this.turn(next >= 1 ? -1 : 1);
      this.moveTo(Math.min(1, Math.max(0, next)));
      return true;
    });
  }

  pause() {
    this.stop();
    this.isPlaying = false;
    find(this.root, ".play").textContent = "Play both";
  }

  /** @param {number} direction 1 or -1 */
  turn(direction) {
    this.direction = direction;
    find(this.root, ".turn").textContent = `Direction: ${direction > 0 ? "forwards" : "back"}`;
  }

  // For the address: ends that are points, then classes and the share of the way.
  get addressFields() {
    return [this.endField(0), this.endField(1), this.pathField];
  }

  /**
   * An end that is a point: its codes in all models.
   * @type {(side: number) => AddressField}
   */
  endField(side) {
    return {
      name: side ? "to" : "from",
      read: () => {
        const codes = this.marked[side];
        const isWritten = this.panels.every(({ space }) => space.axesAreComplete);
        return codes && isWritten && this.selects[side].value === MARKED
          ? codes.map(textOf).join("/")
          : "";
      },
      apply: (text) => {
        const codes = (text ?? "").split("/").map((part) => Float32Array.from(numbersIn(part)));
        const fits = this.panels.every(({ space }, i) => codes[i]?.length === space.dims);
        this.marked[side] = fits ? codes : null;
      },
    };
  }

  /**
   * The classes at both ends, and the share of the way.
   * @returns {AddressField}
   */
  get pathField() {
    return {
      name: "path",
      read: () => {
        const values = this.selects.map((select) => select.value);
        const text = [...values, Number(this.share.toFixed(3))].join(",");
        return text === `${this.startLabels},0` ? "" : text;
      },
      apply: (text) => {
        this.pause();
        const [from, to, share] = (text ?? "").split(",");
        [from, to].forEach((label, side) => {
          const isClass = Boolean(label) && this.labels.includes(Number(label));
          const isPoint = label === MARKED && this.marked[side];
          this.selects[side].value = isClass || isPoint ? label : this.startLabels[side];
        });
        this.share = Number(share) >= 0 && Number(share) <= 1 ? Number(share) : 0;
        this.lay();
        // Without points in the address they are on the path.
        if (text && this.panels.every(({ plane }) => !plane.isHeld)) this.moveTo(this.share);
        else this.showShare();
      },
    };
  }
}
