// What mouse, pen, fingers, wheel and keys do to a plane. No gesture traps the page's own
// scrolling.

/** @import { Plane, PlaneHandlers } from "./plane.js" */
/** @import { Place } from "./view.js" */

import { element, find, numberText } from "./elements.js";
import { CLOSER } from "./view.js";

const JITTER = { mouse: 4, touch: 9 }; // pixels that are no movement
const REACH = { mouse: 10, touch: 18 }; // pixels from a click or a tap to the dot that it means
const REST = 300; // milliseconds after which a finger that rests holds the point
const GRIP = 30; // pixels from the point within which a finger takes hold of it
const STEP = 1 / 200; // of what is seen, for each press of a key
const LARGE = 10; // steps, with Shift

/**
 * Lets mouse, fingers and keys move the point and the view of a plane; gives what writes the point
 * into the ranges of the keyboard.
 * @type {(plane: Plane, handlers: PlaneHandlers) => (place: Place) => void}
 */
export function addInput(plane, handlers) {
  listenToMouse(plane, handlers);
  listenToTouch(plane, handlers);
  return addRanges(plane, handlers);
}

/**
 * The mouse: moving, clicking, dragging the plane; the wheel zooms with Ctrl.
 * @type {(plane: Plane, handlers: PlaneHandlers) => void}
 */
function listenToMouse(plane, handlers) {
  const { root, view } = plane;
  /** @type {{ x: number, y: number, isDrag: boolean } | undefined} */
  let pressed;
  root.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button || isControl(event)) return;
    const [x, y] = within(root, event);
    pressed = { x, y, isDrag: false };
    root.setPointerCapture(event.pointerId);
  });
  root.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const [x, y] = within(root, event);
    if (!pressed) {
      if (!isControl(event) && !plane.isHeld) handlers.onMove(view.place(x, y));
      return;
    }
    const [right, down] = [x - pressed.x, y - pressed.y];
    if (!pressed.isDrag && Math.hypot(right, down) <= JITTER.mouse) return;
    pressed = { x, y, isDrag: true };
    plane.look(() => view.pan(right, down));
  });
  root.addEventListener("pointerup", (event) => {
    if (event.pointerType === "touch" || !pressed) return;
    const { x, y, isDrag } = pressed;
    pressed = undefined;
    if (isDrag) return;
    const dot = plane.dotAt(x, y, REACH.mouse);
    if (plane.isHeld && dot !== undefined && plane.isAt(dot)) plane.hold(false);
    else take(plane, handlers, x, y, REACH.mouse);
  });
  root.addEventListener("pointercancel", () => (pressed = undefined));
  root.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const lines = event.deltaMode ? 16 : 1;
      const turn = Math.max(-60, Math.min(60, event.deltaY * lines));
      plane.look(() => view.zoom(2 ** (-turn / 120), ...within(root, event)));
    },
    { passive: false },
  );
}

/**
 * Fingers: a tap goes there; one that begins at the point, or has rested, drags the point; any
 * other scrolls the page; two zoom and move the plane.
 * @type {(plane: Plane, handlers: PlaneHandlers) => void}
 */
function listenToTouch(plane, handlers) {
  const { root, view } = plane;
  /** @type {"tap" | "rested" | "grip" | "drag" | "pinch" | "scroll" | undefined} */
  let kind; // "rested" and "grip" drag the point as soon as the finger moves
  let start = [0, 0];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let rest;
  let last = { x: 0, y: 0, apart: 1 }; // the middle of two fingers
  const tap = () => take(plane, handlers, start[0], start[1], REACH.touch);

  root.addEventListener(
    "touchstart",
    (event) => {
      clearTimeout(rest);
      if (isControl(event)) return;
      const fingers = Array.from(event.targetTouches, (touch) => within(root, touch));
      if (fingers.length > 1) {
        event.preventDefault();
        [kind, last] = ["pinch", pairOf(fingers)];
        return;
      }
      start = fingers[0];
      const [x, y] = view.pixel(...plane.place);
      kind = Math.hypot(x - start[0], y - start[1]) < GRIP ? "grip" : "tap";
      rest = setTimeout(() => {
        if (kind !== "tap") return;
        kind = "rested";
        tap();
      }, REST);
    },
    { passive: false },
  );
  root.addEventListener(
    "touchmove",
    (event) => {
      const fingers = Array.from(event.targetTouches, (touch) => within(root, touch));
      const [x, y] = fingers[0];
      const isFar = Math.hypot(x - start[0], y - start[1]) > JITTER.touch;
      if (kind === "pinch" && fingers.length > 1) {
        event.preventDefault();
        const now = pairOf(fingers);
        plane.look(() => {
          view.pan(now.x - last.x, now.y - last.y);
          view.zoom(now.apart / last.apart, now.x, now.y);
        });
        last = now;
      } else if (kind === "rested" || kind === "grip" || kind === "drag") {
        event.preventDefault(); // from the first movement on, or the page would scroll
        if (isFar) kind = "drag";
        if (kind !== "drag") return;
        handlers.onTouch();
        handlers.onMove(view.place(x, y));
      } else if (kind === "tap" && isFar) {
        clearTimeout(rest);
        kind = "scroll";
      }
    },
    { passive: false },
  );
  const end = (/** @type {TouchEvent} */ event) => {
    clearTimeout(rest);
    const isStill = kind === "tap" || kind === "grip" || kind === "rested";
    if (isStill && event.type === "touchend" && !event.touches.length) {
      event.preventDefault(); // no mouse events after it
      if (kind !== "rested") tap();
    }
    if (!event.touches.length) kind = undefined;
  };
  root.addEventListener("touchend", end, { passive: false });
  root.addEventListener("touchcancel", end);
}

/**
 * Hold the point at a pixel, or the dot that lies in reach of it.
 * @type {(plane: Plane, handlers: PlaneHandlers, x: number, y: number, reach: number) => void}
 */
function take(plane, handlers, x, y, reach) {
  handlers.onTouch();
  const dot = plane.dotAt(x, y, reach);
  if (dot === undefined) handlers.onMove(plane.view.place(x, y));
  else handlers.onDot(dot);
  plane.hold(true);
}

/**
 * The keyboard: a range for each axis, which only it and screen readers see.
 * @param {Plane} plane
 * @param {PlaneHandlers} handlers
 * @returns {(place: Place) => void} writes the point into them
 */
function addRanges(plane, handlers) {
  const { root, view } = plane;
  const keys = find(root, ".keys");
  keys.id = `${plane.model.facts.name}-keys`;
  const open = () => {
    handlers.onTouch();
    handlers.onOpen();
  };
  /** @type {Record<string, () => void>} */
  const acts = {
    Enter: open,
    " ": open,
    "+": () => plane.zoom(CLOSER),
    "=": () => plane.zoom(CLOSER),
    "-": () => plane.zoom(1 / CLOSER),
    0: () => plane.look(() => view.goHome()),
    Escape: () => plane.hold(false),
  };
  const move = (/** @type {Place} */ place) => {
    handlers.onTouch();
    plane.hold(true);
    plane.follow(place);
    handlers.onMove(place);
  };
  const inputs = plane.space.shown.map((_, axis) => {
    const range = { type: "range", class: "unseen", step: "any", "aria-describedby": keys.id };
    const input = /** @type {HTMLInputElement} */ (element("input", range));
    input.addEventListener("input", () => {
      const { place } = plane;
      place[axis] = Number(input.value);
      move(place);
    });
    input.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const place = placeAfter(plane, event, axis);
      const act = acts[event.key];
      if (!place && !act) return;
      event.preventDefault();
      if (place) move(place);
      else act();
    });
    root.append(input);
    return input;
  });
  root.addEventListener("pointerdown", (event) => {
    if (event.target === plane.above) inputs[0].focus({ preventScroll: true });
  });
  // It would take the focus away again.
  root.addEventListener("mousedown", (event) => {
    if (event.target === plane.above) event.preventDefault();
  });
  return (place) =>
    inputs.forEach((input, axis) => {
      [input.min, input.max] = plane.home[axis].map(String);
      input.value = String(place[axis]);
      input.setAttribute("aria-label", plane.space.names[axis]);
      input.setAttribute("aria-valuetext", numberText(place[axis]));
    });
}

/**
 * Where a key leads: arrows in their own direction on either range, Home and End to the edges of
 * its axis.
 * @type {(plane: Plane, event: KeyboardEvent, axis: number) => Place | undefined}
 */
function placeAfter({ view, place }, event, axis) {
  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
  if (event.key === "Home" || event.key === "End") {
    place[axis] = view.home[axis][event.key === "Home" ? 0 : 1];
  } else if (event.key in arrows) {
    const [direction, sign] = arrows[event.key];
    const along = view.rows ? 0 : direction;
    const [low, high] = view.home[along];
    const step = (view.isHome ? high - low : view.span) * STEP * (event.shiftKey ? LARGE : 1);
    place[along] = Math.min(high, Math.max(low, place[along] + sign * step));
  } else return undefined;
  return place;
}

/**
 * Where an event lies within an element; reads the layout once.
 * @type {(root: HTMLElement, event: { clientX: number, clientY: number }) => Place}
 */
export function within(root, { clientX, clientY }) {
  const box = root.getBoundingClientRect();
  return [clientX - box.left - root.clientLeft, clientY - box.top - root.clientTop];
}

/**
 * The middle of two fingers, and how far they are apart.
 * @param {Place[]} fingers
 */
function pairOf([[x, y], [otherX, otherY]]) {
  const apart = Math.hypot(x - otherX, y - otherY) || 1;
  return { x: (x + otherX) / 2, y: (y + otherY) / 2, apart };
}

/** @param {Event} event */
function isControl(event) {
  return event.target instanceof Element && event.target.closest("button") !== null;
}
