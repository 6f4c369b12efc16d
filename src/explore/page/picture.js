// A picture that has been chosen: an image of the data set, strokes, or strokes over an image;
// and its text in the address.

import { fitted } from "./fit.js";
import { imageOf } from "./images.js";

const DIGITS = 2; // of a coordinate, to the base 36

/** @typedef {import("./fit.js").Stroke} Stroke */
/** @typedef {{ split: "train" | "test", number: number }} Source */
/** @typedef {{ source: Source | null, strokes: Stroke[] }} Picture */

/**
 * The picture's greys (784) as the encoders see them.
 * @param {Picture} picture
 * @param {import("./types.js").Data} data
 */
export function greysOf({ source, strokes }, data) {
  const image = source ? imageOf(data.images[source.split].packed, source.number) : undefined;
  return image && !strokes.length ? image : fitted(strokes, image);
}

/** @param {Picture | null} picture */
export function pictureText(picture) {
  if (!picture) return "";
  const { source, strokes } = picture;
  const number = (/** @type {number} */ value) =>
    Math.min(36 ** DIGITS - 1, Math.max(0, Math.round(value)))
      .toString(36)
      .padStart(DIGITS, "0");
  const lines = strokes.map((stroke) => stroke.flat().map(number).join("")).join(".");
  return [source && `${source.split}-${source.number}`, lines && `lines-${lines}`]
    .filter(Boolean)
    .join("-");
}

/**
 * The picture of a text; null where the text is none.
 * @param {string | null} text
 * @param {import("./types.js").Data} data
 * @returns {Picture | null}
 */
export function pictureOf(text, data) {
  const found = /^(?:(train|test)-(\d{1,9}))?-?(?:lines-([0-9a-z.]+))?$/.exec(text ?? "");
  if (!found || !text) return null;
  const split = /** @type {"train" | "test"} */ (found[1]);
  const number = Number(found[2]);
  if (split && number >= data.images[split].labels.length) return null;
  const strokes = (found[3] ?? "")
    .split(".")
    .map(strokeOf)
    .filter((stroke) => stroke.length);
  const source = split ? { split, number } : null;
  return source || strokes.length ? { source, strokes } : null;
}

/**
 * @param {string} text
 * @returns {Stroke}
 */
function strokeOf(text) {
  const values = Array.from(text.match(/[0-9a-z]{2}/g) ?? [], (part) => parseInt(part, 36));
  /** @type {Stroke} */
  const stroke = [];
  for (let i = 0; i + 1 < values.length; i += 2) stroke.push([values[i], values[i + 1]]);
  return stroke;
}
