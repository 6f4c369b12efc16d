// A panel's point and view as parts of the page's state.

import { numbersIn } from "./state.js";

/** @param {Iterable<number>} values */
function digits(values) {
  return Array.from(values, (value) => String(Number(value.toFixed(4)))).join(",");
}

/**
 * The point: its code, or beyond the axes that the page knows its place on the plane.
 * @param {import("./panel.js").Panel} panel
 * @returns {import("./state.js").Part}
 */
export function pointPart(panel) {
  const { facts, space, plane } = panel;
  const count = space.isWhole ? facts.dims : 2;
  return {
    name: facts.name,
    read: () =>
      plane.isHeld ? digits(space.isWhole ? panel.code : space.toPlane(panel.code)) : "",
    apply: (text) => {
      const numbers = numbersIn(text);
      const mean = Float32Array.from(space.mean);
      if (numbers.length === count) {
        panel.goTo(space.isWhole ? Float32Array.from(numbers) : space.moved(mean, numbers));
      } else if (!plane.marks.image) {
        plane.hold(false); // an image that was chosen has moved the point
        panel.goTo(mean, false);
      }
    },
  };
}

/**
 * The part of the plane that is seen: its middle, and how many units across.
 * @param {import("./panel.js").Panel} panel
 * @returns {import("./state.js").Part}
 */
export function viewPart({ facts, space, plane }) {
  const { view } = plane;
  const axes = space.isLine ? 1 : 2;
  return {
    name: `${facts.name}.view`,
    read: () => (view.isHome ? "" : digits([...view.centre.slice(0, axes), view.across])),
    apply: (text) => {
      const numbers = numbersIn(text);
      const across = numbers.pop() ?? 0;
      plane.look(() => {
        if (across > 0 && numbers.length === axes) view.look(numbers, across);
        else view.goHome();
      });
    },
  };
}
