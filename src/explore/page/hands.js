// What mouse and fingers do to a plane.

import { listenToMouse, listenToTouch } from "./gestures.js";

const REACH = { mouse: 10, touch: 18 }; // pixels from a click or a tap to the dot that it means

/**
 * @param {import("./plane.js").Plane} plane
 * @param {import("./plane.js").Answers} answers
 */
export function addHands(plane, answers) {
  const meanings = {
    onHover: (/** @type {number} */ x, /** @type {number} */ y) => {
      if (!plane.isHeld) answers.onMove(plane.view.place(x, y));
    },
    onClick: (/** @type {number} */ x, /** @type {number} */ y) => {
      answers.onTouch();
      if (plane.isHeld) {
        plane.hold(false); // wherever the click is, also on a dot
        answers.onMove(plane.view.place(x, y));
      } else plane.take(x, y, REACH.mouse);
    },
    onTap: (/** @type {number} */ x, /** @type {number} */ y) => {
      answers.onTouch();
      plane.take(x, y, REACH.touch);
    },
    onDrag: (/** @type {number} */ x, /** @type {number} */ y) => {
      answers.onTouch();
      answers.onMove(plane.view.place(x, y));
    },
    onPan: (/** @type {number} */ x, /** @type {number} */ y) =>
      plane.look(() => plane.view.pan(x, y)),
    onZoom: (/** @type {number} */ factor, /** @type {number} */ x, /** @type {number} */ y) =>
      plane.look(() => plane.view.zoom(factor, x, y)),
    point: () => plane.view.pixel(...plane.marks.point),
  };
  listenToMouse(plane.root, meanings);
  listenToTouch(plane.root, meanings);
}
