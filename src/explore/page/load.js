// Loads what the page holds: facts and unpacked arrays, and the models made of them.

import { part } from "./elements.js";
import { Frames } from "./frames.js";
import { liveNetwork, mosaicNetwork } from "./network.js";
import { Space } from "./space.js";
import { unpack } from "./unpack.js";

/** @typedef {Record<string, import("./types.js").Numbers>} Arrays */

export async function read() {
  /** @type {import("./types.js").Facts} */
  const facts = JSON.parse(part(document, "#facts").textContent ?? "");
  const names = Object.keys(facts.kinds);
  const unpacked = await Promise.all(names.map((name) => unpack(name, facts.kinds[name])));
  /** @type {Arrays} */
  const arrays = Object.fromEntries(names.map((name, i) => [name, unpacked[i]]));
  return { facts, arrays };
}

/**
 * Everything of one model that its panel needs.
 * @param {import("./types.js").ModelFacts} facts
 * @param {Arrays} arrays
 * @param {number} classes
 * @returns {import("./types.js").Model}
 */
export function modelOf(facts, arrays, classes) {
  const array = (/** @type {string} */ key) => arrays[`${facts.name}-${key}`];
  const floats = (/** @type {string} */ key) => /** @type {Float32Array} */ (array(key));
  const space = new Space(
    facts,
    floats("mean"),
    floats("axes"),
    array("train"),
    arrays["train-labels"],
    classes,
  );
  const network = facts.shapes
    ? liveNetwork(facts.shapes, array("weights"), facts.priorStd !== null)
    : mosaicNetwork(
        /** @type {import("./types.js").Span} */ (facts.mosaic),
        array("mosaic"),
        (code) => space.toPlane(code),
      );
  const ends = facts.endLabels.map((_, i) =>
    floats("endCodes").subarray(i * facts.dims, (i + 1) * facts.dims),
  );
  const rows = space.isLine ? classes : 0;
  const frames = new Frames(facts, array("film"), array("film-labels"), rows);
  return { facts, space, network, ends, frames };
}
