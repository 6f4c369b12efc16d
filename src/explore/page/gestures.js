// Gestures on a plane: what mouse, pen, fingers and wheel mean, so that no gesture traps the
// page's own scrolling.

const JITTER = { mouse: 4, touch: 9 }; // pixels that are no movement
const REST = 300; // milliseconds after which a finger that rests holds the point
const GRIP = 30; // pixels from the point within which a finger takes hold of it

/**
 * @typedef {object} Meanings
 * @property {(x: number, y: number) => void} onHover a mouse moves, no button pressed
 * @property {(x: number, y: number) => void} onClick
 * @property {(x: number, y: number) => void} onTap
 * @property {(x: number, y: number) => void} onDrag a finger drags the point
 * @property {(x: number, y: number) => void} onPan by so many pixels
 * @property {(factor: number, x: number, y: number) => void} onZoom
 * @property {() => [number, number]} point its pixel
 */

/**
 * The mouse: moving, clicking, dragging the plane; the wheel zooms with Ctrl, or after a click
 * until the mouse leaves.
 * @param {HTMLElement} root
 * @param {Meanings} meanings
 */
export function listenToMouse(root, meanings) {
  /** @type {{ x: number, y: number, isDrag: boolean } | undefined} */
  let pressed;
  let isActive = false;
  root.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button || isControl(event)) return;
    try {
      root.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already.
    }
    const [x, y] = within(root, event);
    pressed = { x, y, isDrag: false };
  });
  root.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const [x, y] = within(root, event);
    if (!pressed) {
      if (!isControl(event)) meanings.onHover(x, y);
      return;
    }
    const moved = [x - pressed.x, y - pressed.y];
    if (!pressed.isDrag && Math.hypot(...moved) <= JITTER.mouse) return;
    pressed = { x, y, isDrag: true };
    meanings.onPan(moved[0], moved[1]);
  });
  root.addEventListener("pointerup", (event) => {
    if (event.pointerType === "touch" || !pressed) return;
    const { x, y, isDrag } = pressed;
    pressed = undefined;
    isActive = true;
    if (!isDrag) meanings.onClick(x, y);
  });
  root.addEventListener("pointercancel", () => (pressed = undefined));
  root.addEventListener("pointerleave", () => (isActive = false));
  root.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !isActive) return;
      event.preventDefault();
      const lines = event.deltaMode ? 16 : 1;
      const turn = Math.max(-60, Math.min(60, event.deltaY * lines));
      meanings.onZoom(2 ** (-turn / 120), ...within(root, event));
    },
    { passive: false },
  );
}

/**
 * Fingers: a tap goes there; one that begins at the point, or has rested, drags the point; any
 * other scrolls the page; two zoom and move the plane.
 * @param {HTMLElement} root
 * @param {Meanings} meanings
 */
export function listenToTouch(root, meanings) {
  /** @type {"tap" | "drag" | "pinch" | "scroll" | undefined} */
  let kind;
  let start = [0, 0];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let rest;
  /** @type {{ middle: number[], apart: number }} */
  let before = { middle: [0, 0], apart: 1 };
  let isMoved = false;
  let isTold = false; // of the tap, by a finger that has rested

  root.addEventListener(
    "touchstart",
    (event) => {
      clearTimeout(rest);
      if (isControl(event)) return;
      const fingers = Array.from(event.targetTouches, (touch) => within(root, touch));
      if (fingers.length > 1) {
        event.preventDefault();
        [kind, before] = ["pinch", pairOf(fingers)];
        return;
      }
      [isMoved, isTold] = [false, false];
      start = fingers[0];
      const [x, y] = meanings.point();
      kind = Math.hypot(x - start[0], y - start[1]) < GRIP ? "drag" : "tap";
      rest = setTimeout(() => {
        if (kind !== "tap") return;
        [kind, isTold] = ["drag", true];
        meanings.onTap(start[0], start[1]);
      }, REST);
    },
    { passive: false },
  );
  root.addEventListener(
    "touchmove",
    (event) => {
      const fingers = Array.from(event.targetTouches, (touch) => within(root, touch));
      if (kind === "pinch" && fingers.length > 1) {
        event.preventDefault();
        const now = pairOf(fingers);
        meanings.onPan(now.middle[0] - before.middle[0], now.middle[1] - before.middle[1]);
        meanings.onZoom(now.apart / before.apart, now.middle[0], now.middle[1]);
        before = now;
      } else if (kind === "drag") {
        event.preventDefault(); // from the first movement on, or the page would scroll
        isMoved ||= Math.hypot(fingers[0][0] - start[0], fingers[0][1] - start[1]) > JITTER.touch;
        if (isMoved) meanings.onDrag(...fingers[0]);
      } else if (
        kind === "tap" &&
        Math.hypot(fingers[0][0] - start[0], fingers[0][1] - start[1]) > JITTER.touch
      ) {
        clearTimeout(rest);
        kind = "scroll";
      }
    },
    { passive: false },
  );
  const end = (/** @type {TouchEvent} */ event) => {
    clearTimeout(rest);
    const isTap = event.type === "touchend" && (kind === "tap" || (kind === "drag" && !isMoved));
    if (isTap && !event.touches.length) {
      event.preventDefault(); // no mouse events after it
      if (!isTold) meanings.onTap(start[0], start[1]);
    }
    if (!event.touches.length) kind = undefined;
  };
  root.addEventListener("touchend", end, { passive: false });
  root.addEventListener("touchcancel", end);
}

/**
 * Where an event lies within an element; reads the layout once.
 * @param {HTMLElement} root
 * @param {{ clientX: number, clientY: number }} event
 * @returns {[number, number]}
 */
export function within(root, { clientX, clientY }) {
  const box = root.getBoundingClientRect();
  return [clientX - box.left - root.clientLeft, clientY - box.top - root.clientTop];
}

/** @param {number[][]} fingers */
function pairOf([[x, y], [otherX, otherY]]) {
  return {
    middle: [(x + otherX) / 2, (y + otherY) / 2],
    apart: Math.hypot(x - otherX, y - otherY) || 1,
  };
}

/** @param {Event} event */
function isControl(event) {
  return event.target instanceof Element && event.target.closest("button") !== null;
}
