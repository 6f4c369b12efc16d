// Reads what the page holds: the facts, the packed arrays, and the models and images made of them.
// src/explore/packing.py packs the arrays.

/** @import { Network, Shapes } from "./network.js" */

import { find } from "./elements.js";
import { Frames } from "./film.js";
import { liveNetwork, mosaicNetwork } from "./network.js";
import { rowsOf, Space } from "./space.js";

const ALPHABET =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const NUMBERS = { u1: Uint8Array, u2: Uint16Array, f2: Uint16Array, f4: Float32Array };

/** @typedef {Float32Array | Uint8Array | Uint16Array} Numbers */
/** @typedef {{ low: number[], step: number, tiles: number }} Span where a mosaic's images lie */
/**
 * A step of the course, from src/explore/lesson.py.
 * @typedef {{ name: string, question: string, act: string, see: string, state: string,
 *   near: string, about: string }} Step
 */
/** @typedef {{ light: string[], dark: string[] }} Colours of the classes, "#rrggbb" */
/** @typedef {{ packed: Numbers, labels: Numbers }} Split */

/**
 * What the page knows of a model, from src/explore/content.py.
 * @typedef {object} ModelFacts
 * @property {string} name
 * @property {string} title
 * @property {number} dims
 * @property {number | null} priorStd
 * @property {number[]} trainLow
 * @property {number[]} trainStep
 * @property {number[]} stds
 * @property {number} share
 * @property {number[]} sliders
 * @property {number[]} codeLow
 * @property {number[]} codeHigh
 * @property {number[]} endLabels of the classes that have an image in their middle
 * @property {number[]} endNumbers of these training images
 * @property {{ usual: number, most: number }} spacing
 * @property {Shapes} [shapes]
 * @property {number} [difference]
 * @property {boolean} trainable whether the page knows its loss too
 * @property {"sse" | "bce"} reconstructionLoss
 * @property {number} beta
 * @property {Span} [mosaic]
 * @property {number[]} filmEpochs
 * @property {number[]} filmLow
 * @property {number[]} filmStep
 * @property {Record<string, number>} metrics
 * @property {number[]} losses
 * @property {number[] | null} published
 */

/**
 * @typedef {object} Facts
 * @property {string} dataset
 * @property {string[]} classes
 * @property {Record<string, string>} parameters
 * @property {number} seed
 * @property {number} probes
 * @property {Colours} colours
 * @property {Record<string, string>} kinds
 * @property {ModelFacts[]} models
 * @property {Step[]} steps
 */

/**
 * A model in its present state, and as it was trained: Panel.become leads from one to another.
 * @typedef {object} Model
 * @property {ModelFacts} facts
 * @property {Space} space now
 * @property {Network} network now
 * @property {{ space: Space, network: Network, endCodes: Float32Array[] }} trained with the codes
 *   of the images in the middle of the classes in `facts.endLabels`
 * @property {Float32Array | null} weights the trained ones in a row; null: the page has none
 * @property {Frames} frames
 */

/**
 * What all parts of the page share.
 * @typedef {object} Data
 * @property {Facts} facts
 * @property {Model[]} models
 * @property {{ train: Split, test: Split }} images
 */

/**
 * Everything in the page; throws if it is damaged.
 * @returns {Promise<Data>}
 */
export async function read() {
  /** @type {Facts} */
  const facts = JSON.parse(find(document, "#facts").textContent ?? "");
  const entries = await Promise.all(
    Object.entries(facts.kinds).map(async ([name, kind]) => [name, await unpack(name, kind)]),
  );
  /** @type {Record<string, Numbers>} */
  const arrays = Object.fromEntries(entries);
  const split = (/** @type {string} */ name) => ({
    packed: arrays[`${name}-images`],
    labels: arrays[`${name}-labels`],
  });
  const images = { train: split("train"), test: split("test") };
  const models = facts.models.map((model) => modelOf(model, arrays, facts.classes.length));
  return { facts, models, images };
}

/** @type {(facts: ModelFacts, arrays: Record<string, Numbers>, classes: number) => Model} */
function modelOf(facts, arrays, classes) {
  const { dims, trainLow, trainStep } = facts;
  const array = (/** @type {string} */ key) => arrays[`${facts.name}-${key}`];
  const [mean, axes, ends] = ["mean", "axes", "endCodes"].map(
    (key) => /** @type {Float32Array} */ (array(key)),
  );
  // Coordinates (n, k) along the axes (k, dims) are whole numbers in the page.
  const along = Float32Array.from(array("train"), (number, i) => {
    const axis = i % trainLow.length;
    return trainLow[axis] + trainStep[axis] * number;
  });
  const labels = arrays["train-labels"];
  const space = new Space(facts, mean, rowsOf(axes, dims), along, labels, classes);
  const weights = /** @type {Float32Array | undefined} */ (array("weights")) ?? null;
  const network =
    facts.shapes && weights
      ? liveNetwork(facts, weights)
      : mosaicNetwork(/** @type {Span} */ (facts.mosaic), array("mosaic"), (code) =>
          space.toPlane(code),
        );
  const trained = { space, network, endCodes: rowsOf(ends, dims) };
  const rows = space.isLine ? classes : 0;
  const frames = new Frames(facts, array("film"), array("film-labels"), rows);
  return { facts, space, network, trained, weights, frames };
}

/**
 * The array of the block with this id, as numbers of `kind`; throws if the block is damaged.
 * @type {(id: string, kind: string) => Promise<Numbers>}
 */
async function unpack(id, kind) {
  const bytes = await inflate(fromBase85(document.getElementById(id)?.textContent ?? ""));
  const Numbers = NUMBERS[/** @type {keyof typeof NUMBERS} */ (kind)];
  const size = Numbers.BYTES_PER_ELEMENT;
  const length = bytes.length / size;
  const joined = new Uint8Array(bytes.length); // the first plane has the lowest byte of each number
  for (let plane = 0; plane < size; plane++) {
    for (let i = 0; i < length; i++) joined[i * size + plane] = bytes[plane * length + i];
  }
  const numbers = new Numbers(joined.buffer);
  return kind === "f2" ? widened(/** @type {Uint16Array} */ (numbers)) : numbers;
}

/** @param {string} text */
function fromBase85(text) {
  const values = new Uint8Array(128);
  for (let i = 0; i < 85; i++) values[ALPHABET.charCodeAt(i)] = i;
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  const whole = text.padEnd((bytes.length / 4) * 5, ALPHABET[84]);
  for (let at = 0, to = 0; at < whole.length;) {
    let number = 0;
    for (const end = at + 5; at < end; at++) number = number * 85 + values[whole.charCodeAt(at)];
    for (let shift = 24; shift >= 0; shift -= 8) bytes[to++] = number >>> shift;
  }
  return bytes.subarray(0, bytes.length - ((5 - (text.length % 5)) % 5));
}

/**
 * The stream compares a checksum, and throws where a byte is wrong or missing.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Float16 -> float32, by a table of all there are: Float16Array is too new for many browsers.
 * @param {Uint16Array} numbers
 */
function widened(numbers) {
  const table = Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromFloat16(bits));
  return new Float32Array(numbers).map((bits) => table[bits]);
}

/** @param {number} bits */
function fromFloat16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : (sign * fraction) / 2 ** 24;
}
