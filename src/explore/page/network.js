// The networks: chains of linear layers, as in src/models/networks.py, with the trained weights;
// or a mosaic instead.

/** @import { ModelFacts, Numbers, Span } from "./data.js" */

import { imageOf } from "./greys.js";

/**
 * How many inputs and outputs each linear layer has.
 * @typedef {{ encoder: [number, number][], decoder: [number, number][] }} Shapes
 */

/**
 * A linear layer. Its weights have a row of outputs for each input: all that computes with them
 * goes along rows, and leaves out those whose input is zero, as most are. Numbers are kept in
 * float32 and added up in float64.
 * @typedef {{ weight: Float32Array, bias: Float32Array }} Layer
 */

/**
 * Layers one after the other, with a ReLU between each two; the last may be several, beside each
 * other.
 * @typedef {Layer[][]} Chain
 */

/** @typedef {{ code: Float32Array, std?: Float32Array }} Encoded std: of the posterior */

/**
 * What turns codes into images, and back.
 * @typedef {object} Network
 * @property {(code: Float32Array) => Float32Array} decode
 * @property {((greys: Float32Array) => Encoded) | null} encode null: the page does not compute it,
 *   but shows images that were decoded when the page was made
 */

/**
 * A model that the page computes, from its weights in one long array, which is not copied.
 * @type {(facts: ModelFacts, weights: Float32Array) => Network}
 */
export function liveNetwork(facts, weights) {
  const { encoder, decoder } = layersOf(facts, weights);
  return {
    decode: (code) => forward(decoder, code, 1).outputs[0].map(sigmoid),
    encode: (greys) => {
      const [code, logStd] = forward(encoder, greys, 1).outputs;
      return { code, std: logStd?.map(Math.exp) };
    },
  };
}

/**
 * A model whose arithmetic the page does not know: each code stands for the nearest image of a
 * mosaic.
 * @type {(span: Span, packed: Numbers, toPlane: (code: Float32Array) => number[]) => Network}
 */
export function mosaicNetwork(span, packed, toPlane) {
  return {
    decode: (code) => {
      const place = toPlane(code);
      const cells = span.low.map((low, axis) => {
        const cell = Math.round((place[axis] - low) / span.step);
        return Math.min(span.tiles - 1, Math.max(0, cell));
      });
      const number = cells.reduceRight((sum, cell) => sum * span.tiles + cell, 0);
      return imageOf(packed, number);
    },
    encode: null,
  };
}

/**
 * The layers whose weights stand in a row. With a prior the encoder ends in two layers, for the
 * posterior's mean and for the logarithm of its standard deviation.
 * @type {(facts: ModelFacts, weights: Float32Array) => { encoder: Chain, decoder: Chain }}
 */
export function layersOf({ shapes, priorStd }, weights) {
  let at = 0;
  const take = (/** @type {number} */ length) => weights.subarray(at, (at += length));
  /** @type {(shape: [number, number]) => Layer} */
  const layer = ([inputs, outputs]) => ({ weight: take(inputs * outputs), bias: take(outputs) });
  const parts = /** @type {Shapes} */ (shapes);
  const encoder = parts.encoder.map(layer);
  const decoder = parts.decoder.map((shape) => [layer(shape)]);
  if (at !== weights.length) throw new Error("weights of another length");
  const heads = encoder.splice(encoder.length - (priorStd === null ? 1 : 2));
  return { encoder: [...encoder.map((each) => [each]), heads], decoder };
}

/**
 * What goes into each layer of a chain, and what comes out of the last, for `count` rows x.
 * @type {(chain: Chain, x: Float32Array, count: number) =>
 *   { inputs: Float32Array[], outputs: Float32Array[] }}
 */
export function forward(chain, x, count) {
  const inputs = [x];
  for (const [layer] of chain.slice(0, -1))
    inputs.push(relu(linear(layer, inputs[inputs.length - 1], count)));
  const outputs = chain[chain.length - 1].map((layer) =>
    linear(layer, inputs[inputs.length - 1], count),
  );
  return { inputs, outputs };
}

/**
 * x (count, inputs) -> x W + b (count, outputs).
 * @type {(layer: Layer, x: Float32Array, count: number) => Float32Array}
 */
function linear({ weight, bias }, x, count) {
  const [height, width] = [x.length / count, bias.length];
  const y = new Float32Array(count * width);
  const sums = new Float64Array(width);
  for (let n = 0; n < count; n++) {
    sums.set(bias);
    addRows(sums, weight, x, n * height, 1, height);
    y.set(sums, n * width);
  }
  return y;
}

/**
 * Add to the sums (width) rows (count, width), each times its factor: every `stride`th number of
 * `factors` from `start` on. Those whose factor is zero are left out, and four rows are added at
 * once, which is twice as fast.
 * @type {(sums: Float64Array, rows: Float32Array, factors: Float32Array, start: number,
 *   stride: number, count: number) => void}
 */
export function addRows(sums, rows, factors, start, stride, count) {
  const width = sums.length;
  const values = new Float64Array(count + 3);
  const places = new Int32Array(count + 3);
  let length = 0;
  for (let k = 0; k < count; k++) {
    const factor = factors[start + k * stride];
    if (factor === 0) continue;
    values[length] = factor;
    places[length++] = k * width;
  }
  for (let k = 0; k < length; k += 4) {
    const p = values[k]; // not from an array of four: it would cost more than the sums
    const q = values[k + 1];
    const r = values[k + 2];
    const s = values[k + 3];
    const a = places[k];
    const b = places[k + 1];
    const c = places[k + 2];
    const d = places[k + 3];
    for (let j = 0; j < width; j++)
      sums[j] += p * rows[a + j] + q * rows[b + j] + r * rows[c + j] + s * rows[d + j];
  }
}

/** @param {Float32Array} x */
function relu(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
  return x;
}

/** @param {number} logit */
export function sigmoid(logit) {
  return 1 / (1 + Math.exp(-logit));
}
