// The networks: chains of linear layers, as in src/models/networks.py, with the trained weights;
// or a mosaic instead.

/** @import { Numbers, Span } from "./data.js" */

import { imageOf } from "./greys.js";

/**
 * How many inputs and outputs each linear layer has.
 * @typedef {{ encoder: [number, number][], decoder: [number, number][] }} Shapes
 */

/**
 * A linear layer. Its weights have a row of outputs for each input: all that computes with them
 * goes along a row, and passes by those whose input is zero, as most are.
 * @typedef {{ weight: Float32Array, bias: Float32Array }} Layer
 */

/**
 * Layers one after the other, with a ReLU between each two; the last may be several, beside each
 * other.
 * @typedef {Layer[][]} Chain
 */

/** @typedef {Float32Array | Float64Array} Floats */
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
 * @type {(shapes: Shapes, weights: Float32Array, hasPrior: boolean) => Network}
 */
export function liveNetwork(shapes, weights, hasPrior) {
  const { encoder, decoder } = layersOf(shapes, weights, hasPrior);
  return {
    decode: (code) => Float32Array.from(forward(decoder, code, 1).outputs[0], sigmoid),
    encode: (greys) => {
      const [code, logStd] = forward(encoder, greys, 1).outputs;
      return { code: Float32Array.from(code), std: logStd && Float32Array.from(logStd, Math.exp) };
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
 * @type {(shapes: Shapes, weights: Float32Array, hasPrior: boolean) =>
 *   { encoder: Chain, decoder: Chain }}
 */
export function layersOf(shapes, weights, hasPrior) {
  let at = 0;
  const take = (/** @type {number} */ length) => weights.subarray(at, (at += length));
  /** @type {(shape: [number, number]) => Layer} */
  const layer = ([inputs, outputs]) => ({ weight: take(inputs * outputs), bias: take(outputs) });
  const encoder = shapes.encoder.map(layer);
  const decoder = shapes.decoder.map((shape) => [layer(shape)]);
  if (at !== weights.length) throw new Error("weights of another length");
  const heads = encoder.splice(encoder.length - (hasPrior ? 2 : 1));
  return { encoder: [...encoder.map((each) => [each]), heads], decoder };
}

/**
 * What goes into each layer of a chain, and what comes out of the last, for `count` rows x.
 * @type {(chain: Chain, x: Floats, count: number) =>
 *   { inputs: Floats[], outputs: Float64Array[] }}
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
 * x (count, inputs) -> x W + b (count, outputs). A row of weights stays near at hand while all
 * that have this input use it.
 * @type {(layer: Layer, x: Floats, count: number) => Float64Array}
 */
function linear({ weight, bias }, x, count) {
  const width = bias.length;
  const height = x.length / count;
  const y = new Float64Array(count * width);
  for (let n = 0; n < count; n++) y.set(bias, n * width);
  for (let i = 0, row = 0; i < height; i++, row += width) {
    for (let n = 0; n < count; n++) {
      const value = x[n * height + i];
      if (value === 0) continue;
      const to = n * width;
      for (let j = 0; j < width; j++) y[to + j] += value * weight[row + j];
    }
  }
  return y;
}

/** @param {Float64Array} x */
function relu(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
  return x;
}

/** @param {number} logit */
export function sigmoid(logit) {
  return 1 / (1 + Math.exp(-logit));
}
