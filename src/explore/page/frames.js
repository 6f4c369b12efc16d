// The frames of a model's film: where the codes of the same images lay after earlier epochs.

import { heightIn } from "./space.js";

export class Frames {
  /**
   * @param {import("./types.js").ModelFacts} facts
   * @param {import("./types.js").Numbers} numbers (frames, n, 1 or 2) in a row: coordinates on the
   *   plane, as whole numbers
   * @param {import("./types.js").Numbers} labels (n)
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
   * The ranges that hold the dots of all frames, with a margin.
   * @returns {[number, number][]}
   */
  get reach() {
    return [0, 1].map((axis) => {
      if (axis && this.isLine) return [0, 0]; // the rows stay where they are
      let [low, high] = [Infinity, -Infinity];
      for (let i = axis; i < this.xy.length; i += 2) {
        low = Math.min(low, this.xy[i]);
        high = Math.max(high, this.xy[i]);
      }
      const margin = 0.02 * (high - low);
      return [low - margin, high + margin];
    });
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
