// Where the dots of a plane lie: the ranges that hold all, and the middle of each class.

/** @typedef {import("./types.js").Place} Place */

/**
 * The ranges that hold all dots, with a margin.
 * @param {import("./space.js").Space} space
 * @returns {[number, number][]}
 */
export function homeOf(space) {
  return [0, 1].map((axis) => {
    if (axis && space.isLine) return [-1.9, space.rows - 0.3]; // with room for decoded images
    let [low, high] = [Infinity, -Infinity];
    for (let i = axis; i < space.xy.length; i += 2) {
      low = Math.min(low, space.xy[i]);
      high = Math.max(high, space.xy[i]);
    }
    const margin = 0.05 * (high - low) || 1;
    return [low - margin, high + margin];
  });
}

/**
 * The name of each class that has dots, in their middle.
 * @param {{ space: import("./space.js").Space, classes: string[] }} parts
 */
export function namesOf({ space, classes }) {
  return classes.map((text, label) => {
    /** @type {number[][]} */
    const own = [[], []];
    space.labels.forEach((other, i) => {
      if (other === label && i < space.count)
        own.forEach((values, axis) => values.push(space.xy[2 * i + axis]));
    });
    const [x, y] = own.map((values) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN);
    return { text, place: /** @type {Place} */ ([x, space.isLine ? space.rows - 1 - label : y]) };
  });
}
