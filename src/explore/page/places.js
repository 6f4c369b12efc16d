// Points, views and the path as parts of the page's state.

import { numbersIn } from "./state.js";

export const MARKED = "point"; // an end of the path that is no class

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

/**
 * An end of the path that is a point: its codes in all models.
 * @param {import("./path.js").Path} path
 * @param {number} side
 * @returns {import("./state.js").Part}
 */
export function endPart(path, side) {
  return {
    name: side ? "to" : "from",
    read: () => {
      const codes = path.marked[side];
      const isWritten = path.panels.every(({ space }) => space.isWhole);
      return codes && isWritten && path.selects[side].value === MARKED
        ? codes.map(digits).join("/")
        : "";
    },
    apply: (text) => {
      const codes = (text ?? "").split("/").map((part) => Float32Array.from(numbersIn(part)));
      const fits = path.panels.every(({ facts }, i) => codes[i]?.length === facts.dims);
      path.marked[side] = fits ? codes : null;
    },
  };
}

/**
 * The classes at the ends of the path, and the share of the way.
 * @param {import("./path.js").Path} path
 * @returns {import("./state.js").Part}
 */
export function pathPart(path) {
  const values = () => path.selects.map((select) => select.value);
  const start = [0, 1].map((side) => path.startLabel(side));
  return {
    name: "path",
    read: () => {
      const text = [...values(), Number(path.share.toFixed(3))].join(",");
      return text === `${start},0` ? "" : text;
    },
    apply: (text) => {
      path.pause();
      const [from, to, share] = (text ?? "").split(",");
      [from, to].forEach((label, side) => {
        const isClass = Boolean(label) && path.labels.includes(Number(label));
        const isPoint = label === MARKED && path.marked[side];
        path.selects[side].value = isClass || isPoint ? label : start[side];
      });
      path.share = Number(share) >= 0 && Number(share) <= 1 ? Number(share) : 0;
      path.lay();
      // Without points in the address they are on the path.
      if (text && path.panels.every(({ plane }) => !plane.isHeld)) path.moveTo(path.share);
      else path.showShare();
    },
  };
}
