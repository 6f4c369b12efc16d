// The dots of an earlier epoch on a plane, instead of those of the trained model.

import { Dots } from "./dots.js";

/** @typedef {import("./plane.js").Plane} Plane */

/**
 * Shows dots of an earlier epoch on a plane and its copies; null: those of the trained model. The
 * whole then holds the dots of all epochs.
 * @param {Plane} plane
 * @param {{ xy: Float32Array, labels: import("./types.js").Numbers, words: string } | null} dots
 */
export function showEarlier(plane, dots) {
  if (!dots && !plane.film) return;
  if (dots) {
    plane.film ??= new Dots(dots.xy, dots.labels);
    plane.film.xy = dots.xy;
  } else plane.film = null;
  nameDots(plane, dots?.words);
  plane.view.home = plane.home.map(([low, high], axis) => {
    const [least, most] = dots ? plane.parts.reach[axis] : [low, high];
    return [Math.min(low, least), Math.max(high, most)];
  });
  if (plane.view.isHome) plane.view.goHome();
  plane.drawStill();
  plane.drawMarks();
  for (const copy of plane.copies) showEarlier(copy, dots);
}

/**
 * What the dots are, for screen readers.
 * @param {Plane} plane
 * @param {string} [epoch] in words, if not the last one
 */
export function nameDots(plane, epoch) {
  const { title, space } = plane.parts;
  const count = plane.film?.labels.length ?? space.count;
  const words = `${title}: ${count} dots${epoch ? ` after ${epoch}` : ""}, coloured by class`;
  plane.below.setAttribute("aria-label", words);
}
