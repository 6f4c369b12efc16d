// The film of the pipeline's training: where the codes of the same images lay after earlier epochs,
// shown as dots on all planes at once, beside the curves of the loss.

/** @import { ModelFacts, Numbers } from "./data.js" */
/** @import { Panel } from "./panel.js" */
/** @import { AddressField } from "./state.js" */

import { announcer, eachFrame, find, REDUCED_MOTION } from "./elements.js";
import { heightIn, rangeOf } from "./space.js";

const SECONDS = 6; // of the whole film

export class Frames {
  /**
   * @param {ModelFacts} facts
   * @param {Numbers} numbers (frames, n, 1 or 2) in a row: coordinates, as whole numbers
   * @param {Numbers} labels (n)
   * @param {number} rows how many there are on a line; 0 on a plane
   */
  constructor(facts, numbers, labels, rows) {
    this.epochs = facts.filmEpochs;
    this.labels = labels;
    this.isLine = rows > 0;
    const { filmLow, filmStep } = facts;
    const width = filmLow.length;
    const count = numbers.length / width;
    this.xy = new Float32Array(2 * count);
    for (let dot = 0; dot < count; dot++) {
      const along = filmLow.map((low, axis) => low + filmStep[axis] * numbers[dot * width + axis]);
      const i = dot % labels.length;
      const y = rows ? heightIn(rows, labels[i], i) : along[1];
      this.xy.set([along[0], y], 2 * dot);
    }
  }

  /**
   * The ranges of both axes that hold the dots of all frames; rows stay where they are.
   * @returns {[number, number][]}
   */
  get reach() {
    return [rangeOf(this.xy, 0, 0.02), this.isLine ? [0, 0] : rangeOf(this.xy, 1, 0.02)];
  }

  /**
   * Where the dots are at a frame; between two, they go straight from one to the other.
   * @param {number} at a number of frames
   */
  placesAt(at) {
    const size = 2 * this.labels.length;
    const frame = Math.floor(at);
    const before = this.xy.subarray(frame * size, (frame + 1) * size);
    const after = this.xy.subarray((frame + 1) * size, (frame + 2) * size);
    if (at === frame) return before;
    return before.map((from, i) => from + (at - frame) * (after[i] - from));
  }
}

export class Film {
  /**
   * @param {HTMLElement} root
   * @param {Panel[]} panels
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
    this.stop = () => {};
    this.slider = /** @type {HTMLInputElement} */ (find(root, ".epoch"));
    this.slider.max = String(this.last);
    this.announce = announcer(find(root, ".announcement"));
    this.slider.addEventListener("input", () => {
      this.pause();
      this.moveTo(Number(this.slider.value));
    });
    find(root, ".play").addEventListener("click", () => this.press());
    REDUCED_MOTION.addEventListener("change", () => this.pause());
    this.pause();
    this.moveTo(this.last);
  }

  get words() {
    const epochs = this.epochs[Math.floor(this.at)];
    return `epoch ${epochs} of ${this.epochs[this.last]}`;
  }

  // Whether it shows the trained models.
  get isOver() {
    return this.at === this.last;
  }

  /** @param {number} at a number of frames */
  moveTo(at) {
    this.at = at;
    const { isOver, words, slider, root, panels } = this;
    for (const panel of panels) {
      const { frames } = panel;
      const dots = { xy: frames.placesAt(at), labels: frames.labels, words };
      panel.showEarlier(isOver ? null : dots);
    }
    for (const mark of this.marks) mark(this.epochs[Math.floor(at)]);
    slider.value = String(Math.floor(at));
    slider.setAttribute("aria-valuetext", words);
    find(root, ".now").textContent = words;
    const when = at < 1 ? "before the first epoch" : `after ${words}`;
    const count = panels[0].frames.labels.length.toLocaleString("en");
    find(root, ".words").textContent = isOver
      ? "After the last epoch: the trained models."
      : `The dots are ${count} codes ${when}; decoded images are the trained models\u2019.`;
    this.onChange();
  }

  // Under reduced motion nothing plays: a press leads to the next frame.
  press() {
    if (this.isPlaying) return this.pause();
    if (!REDUCED_MOTION.matches) return this.play();
    this.moveTo(this.isOver ? 0 : Math.floor(this.at) + 1);
    this.announce(this.words);
  }

  play() {
    if (this.isOver) this.moveTo(0);
    this.isPlaying = true;
    this.showButton();
    this.stop = eachFrame((seconds) => {
      this.moveTo(Math.min(this.last, this.at + (seconds / SECONDS) * this.last));
      if (this.isOver) this.pause();
      return this.isPlaying;
    });
  }

  pause() {
    this.stop();
    if (this.isPlaying) this.announce(this.words);
    this.isPlaying = false;
    this.showButton();
  }

  showButton() {
    const rest = REDUCED_MOTION.matches ? "Next epoch" : "Play the training";
    find(this.root, ".play").textContent = this.isPlaying ? "Pause" : rest;
  }

  /**
   * The epochs that were finished.
   * @returns {AddressField}
   */
  get addressField() {
    return {
      name: "epoch",
      read: () => (this.isOver ? "" : String(this.epochs[Math.floor(this.at)])),
      apply: (text) => {
        this.pause();
        const frame = text ? this.epochs.indexOf(Number(text)) : -1;
        this.moveTo(frame < 0 ? this.last : frame);
      },
    };
  }
}
