// Helpers for the elements of the page, for texts of numbers, and for work that waits for a frame.

const SVG = "http://www.w3.org/2000/svg";
const SLICE = 5; // milliseconds of work in a frame

export const DARK = matchMedia("(prefers-color-scheme: dark)");
const FORCED_COLOURS = matchMedia("(forced-colors: active)");
export const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/** @typedef {Record<string, string | number>} Attributes */

/**
 * A new element; texts among the children stay texts, whatever a data set's names hold.
 * @type {(tag: string, attributes?: Attributes, ...children: (Node | string)[]) => HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** @type {(tag: string, attributes?: Attributes, ...children: (Node | string)[]) => SVGElement} */
export function svg(tag, attributes = {}, ...children) {
  return fill(/** @type {SVGElement} */ (document.createElementNS(SVG, tag)), attributes, children);
}

/**
 * @type {<T extends Element>(node: T, attributes: Attributes, children: (Node | string)[]) => T}
 */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * A button with words in it.
 * @type {(attributes: Attributes, act: () => void, ...children: (Node | string)[]) => HTMLElement}
 */
export function button(attributes, act, ...children) {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", act);
  return made;
}

/**
 * The one element that the selector finds; the page is wrong without it.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {T}
 */
export function find(root, selector) {
  const node = root.querySelector(selector);
  if (!node) throw new Error(`no ${selector} in the page`);
  return /** @type {T} */ (node);
}

/**
 * A number as a person reads it.
 * @type {(number: number, digits?: number) => string}
 */
export function numberText(number, digits = 2) {
  const text = number.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
}

/**
 * A distance with two digits that count: 0.034, 1.2, 27.
 * @param {number} distance
 */
export function distanceText(distance) {
  if (!(distance > 0)) return "0";
  return distance.toFixed(Math.max(0, 1 - Math.floor(Math.log10(distance))));
}

/**
 * A function that calls `draw` at most once for each frame of the screen.
 * @param {() => void} draw
 */
export function oncePerFrame(draw) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      draw();
    });
  };
}

/**
 * A function that calls `act` with its last arguments, once it has not been called for so many
 * milliseconds.
 * @template {unknown[]} A
 * @param {number} milliseconds
 * @param {(...values: A) => void} act
 */
export function onceQuiet(milliseconds, act) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {A} */ ...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
}

/**
 * A function that writes its last words into an element, once they have stayed the same for so many
 * milliseconds: a screen reader shall not read each of them.
 * @type {(node: HTMLElement, milliseconds?: number) => (words: string) => void}
 */
export function announcer(node, milliseconds = 600) {
  return onceQuiet(milliseconds, (/** @type {string} */ words) => (node.textContent = words));
}

/**
 * Calls `step` in each frame of the screen, with the seconds since the last one, until it returns
 * false.
 * @param {(seconds: number) => boolean} step
 * @returns {() => void} stops it
 */
export function eachFrame(step) {
  let before = performance.now();
  let isStopped = false;
  const next = (/** @type {number} */ now) => {
    const seconds = Math.max(0, now - before) / 1000;
    before = now;
    if (!isStopped && step(seconds)) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  return () => (isStopped = true);
}

/**
 * Calls `work` until it returns false, a few milliseconds in each frame, so that nothing
 * stutters; `after` ends each slice.
 * @param {() => boolean} work
 * @param {() => void} after
 * @returns {() => void} stops it
 */
export function inSlices(work, after) {
  return eachFrame(() => {
    const end = performance.now() + SLICE;
    let goesOn = true;
    while (goesOn && performance.now() < end) goesOn = work();
    after();
    return goesOn;
  });
}

/**
 * Calls `then` when the page turns dark or light, or to forced colours.
 * @param {() => void} then
 */
export function onColours(then) {
  for (const query of [DARK, FORCED_COLOURS]) query.addEventListener("change", then);
}

/**
 * Calls `then` when a pixel of the style sheet gets another number of the screen's, as on another
 * screen or by zooming.
 * @param {() => void} then
 */
export function onPixelRatio(then) {
  let before = devicePixelRatio;
  const look = () => {
    if (devicePixelRatio === before) return;
    before = devicePixelRatio;
    watch();
    then();
  };
  // Browsers differ in which of the two events they send.
  const watch = () =>
    matchMedia(`(resolution: ${before}dppx)`).addEventListener("change", look, { once: true });
  window.addEventListener("resize", look);
  watch();
}
