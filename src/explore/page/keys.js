// The keyboard on a plane: a range for each axis, which only the keyboard and screen readers see.

import { element, short } from "./elements.js";

const STEP = 1 / 200; // of what is seen
const LARGE = 10; // steps, with Shift
const CLOSER = 1.5;

/** @typedef {import("./types.js").Place} Place */

/**
 * Adds the ranges, and gives what writes the point into them.
 * @param {import("./plane.js").Plane} plane
 * @param {{ onMove: (place: Place) => void, onOpen: () => void, onTouch: () => void }} answers
 * @returns {(place: Place) => void}
 */
export function addKeys(plane, answers) {
  const { names } = plane.parts.space;
  /** @type {Place} */
  let place = [0, 0];

  const move = (/** @type {Place} */ to) => {
    answers.onTouch();
    plane.hold(true);
    place = to; // the next step starts here, even within the same frame
    follow(plane, to);
    answers.onMove(to);
  };
  const press = (/** @type {KeyboardEvent} */ event, /** @type {number} */ axis) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = stepOf(plane, place, event, axis);
    const act = actions(plane, answers)[event.key];
    if (!to && !act) return;
    event.preventDefault();
    if (to) move(to);
    else act();
  };
  const inputs = names.map((name, axis) => {
    const [min, max] = plane.view.home[axis];
    const attributes = {
      type: "range",
      class: "unseen",
      step: "any",
      min,
      max,
      "aria-label": name,
    };
    const input = /** @type {HTMLInputElement} */ (element("input", attributes));
    input.addEventListener("input", () => {
      const to = /** @type {Place} */ ([...place]);
      to[axis] = Number(input.value);
      move(to);
    });
    input.addEventListener("keydown", (event) => press(event, axis));
    plane.root.append(input);
    return input;
  });
  plane.root.addEventListener("pointerdown", (event) => {
    if (event.target === plane.above) inputs[0].focus({ preventScroll: true });
  });
  // It would take the focus away again.
  plane.root.addEventListener(
    "mousedown",
    (event) => event.target === plane.above && event.preventDefault(),
  );
  return (to) => {
    place = to;
    inputs.forEach((input, axis) => {
      input.value = String(to[axis]);
      input.setAttribute("aria-valuetext", short(to[axis]));
    });
  };
}

/**
 * Where a key leads: arrows in their own direction on either range, Home and End to the edges of
 * its axis.
 * @param {import("./plane.js").Plane} plane
 * @param {Place} place
 * @param {KeyboardEvent} event
 * @param {number} axis
 * @returns {Place | undefined}
 */
function stepOf(plane, place, event, axis) {
  const { view } = plane;
  const to = /** @type {Place} */ ([...place]);
  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
  const edges = { Home: view.home[axis][0], End: view.home[axis][1] };
  if (event.key === "Home" || event.key === "End") to[axis] = edges[event.key];
  else if (event.key in arrows) {
    const [direction, sign] = arrows[event.key];
    const along = view.rows ? 0 : direction;
    const [low, high] = view.home[along];
    const step = (view.isHome ? high - low : view.span) * STEP * (event.shiftKey ? LARGE : 1);
    to[along] = Math.min(high, Math.max(low, place[along] + sign * step));
  } else return undefined;
  return to;
}

/**
 * @param {import("./plane.js").Plane} plane
 * @param {{ onOpen: () => void, onTouch: () => void }} answers
 * @returns {Record<string, () => void>}
 */
function actions(plane, { onOpen, onTouch }) {
  const zoom = (/** @type {number} */ factor) => () =>
    plane.look(() => plane.view.zoom(factor, ...plane.view.pixel(...plane.marks.point)));
  const open = () => {
    onTouch();
    onOpen();
  };
  return {
    Enter: open,
    " ": open,
    "+": zoom(CLOSER),
    "=": zoom(CLOSER),
    "-": zoom(1 / CLOSER),
    0: () => plane.look(() => plane.view.goHome()),
    Escape: () => plane.hold(false),
  };
}

/**
 * Keeps the point in view.
 * @param {import("./plane.js").Plane} plane
 * @param {Place} place
 */
export function follow(plane, place) {
  const { view } = plane;
  const pixel = view.pixel(...place);
  const by = pixel.map(
    (value, axis) => Math.min(0, view.size[axis] - 12 - value) + Math.max(0, 12 - value),
  );
  if (!view.isHome && (by[0] || (by[1] && !view.rows))) plane.look(() => view.pan(by[0], by[1]));
}
