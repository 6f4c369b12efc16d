// The film of the training: the dots of earlier epochs, on all planes at once. All else that the
// page shows is of the trained models.

import { showEarlier } from "./earlier.js";
import { onceQuiet, part } from "./elements.js";

const SECONDS = 6; // of the whole film
const QUIET = 600; // milliseconds without a move before a screen reader is told
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

export class Film {
  /**
   * @param {HTMLElement} root
   * @param {import("./panel.js").Panel[]} panels
   * @param {((epochs: number) => void)[]} marks what marks an epoch on the curves of the loss
   * @param {() => void} onChange
   */
  constructor(root, panels, marks, onChange) {
    this.root = root;
    this.panels = panels;
    this.marks = marks;
    this.onChange = onChange;
    this.epochs = panels[0].frames.epochs;
    this.last = this.epochs.length - 1;
    this.at = this.last; // a number of frames, between two of them while it plays
    this.isPlaying = false;
    this.slider = /** @type {HTMLInputElement} */ (part(root, ".epoch"));
    this.slider.max = String(this.last);
    this.announce = onceQuiet(
      QUIET,
      (/** @type {string} */ words) => (part(root, ".announcement").textContent = words),
    );
    this.slider.addEventListener("input", () => {
      this.pause();
      this.moveTo(Number(this.slider.value));
    });
    part(root, ".play").addEventListener("click", () => this.press());
    CALM.addEventListener("change", () => this.pause());
    this.pause();
    this.moveTo(this.last);
  }

  get words() {
    const epochs = this.epochs[Math.floor(this.at)];
    return `epoch ${epochs} of ${this.epochs[this.last]}`;
  }

  /** @param {number} at a number of frames */
  moveTo(at) {
    this.at = at;
    const isOver = at === this.last;
    const { words, slider, root } = this;
    for (const { plane, frames } of this.panels)
      showEarlier(plane, isOver ? null : { xy: frames.placesAt(at), labels: frames.labels, words });
    for (const mark of this.marks) mark(this.epochs[Math.floor(at)]);
    slider.value = String(Math.floor(at));
    slider.setAttribute("aria-valuetext", words);
    part(root, ".now").textContent = words;
    const when = at < 1 ? "before the first epoch" : `after ${words}`;
    const count = this.panels[0].frames.labels.length.toLocaleString("en");
    part(root, ".words").textContent = isOver
      ? "After the last epoch: all that you see is of the trained models."
      : `The dots are ${count} codes ${when}. Decoded images, the drawing, paths and ` +
        "samples stay those of the trained models.";
    this.onChange();
  }

  // Under reduced motion nothing plays: a press leads to the next frame.
  press() {
    if (this.isPlaying) return this.pause();
    if (!CALM.matches) return this.play();
    this.moveTo(this.at === this.last ? 0 : Math.floor(this.at) + 1);
    this.announce(this.words);
  }

  play() {
    if (this.at === this.last) this.moveTo(0);
    this.isPlaying = true;
    this.showButton();
    let before = performance.now();
    const step = (/** @type {number} */ now) => {
      if (!this.isPlaying) return;
      const next = this.at + (Math.max(0, now - before) / 1000 / SECONDS) * this.last;
      before = now;
      this.moveTo(Math.min(this.last, next));
      if (next >= this.last) this.pause();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() {
    if (this.isPlaying) this.announce(this.words);
    this.isPlaying = false;
    this.showButton();
  }

  showButton() {
    const rest = CALM.matches ? "Next epoch" : "Play the training";
    part(this.root, ".play").textContent = this.isPlaying ? "Pause" : rest;
  }

  // The epochs that were finished, for the address.
  get statePart() {
    return {
      name: "epoch",
      read: () => (this.at === this.last ? "" : String(this.epochs[Math.floor(this.at)])),
      apply: (/** @type {string | null} */ text) => {
        this.pause();
        const frame = text ? this.epochs.indexOf(Number(text)) : -1;
        this.moveTo(frame < 0 ? this.last : frame);
      },
    };
  }
}
