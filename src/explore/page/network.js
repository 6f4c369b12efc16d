// The networks: chains of linear layers, as in src/models/networks.py, with the trained weights;
// or a mosaic instead.

/** @import { Numbers, Span } from "./data.js" */

import { imageOf } from "./images.js";

/** @typedef {{ encoder: [number, number][], decoder: [number, number][] }} Shapes */
/** @typedef {{ weight: Numbers, bias: Numbers }} Layer */

/** @typedef {{ code: Float32Array, std?: Float32Array }} Encoded std: of the posterior */

/**
 * What turns codes into images, and back.
 * @typedef {object} Network
 * @property {(code: Float32Array) => Float32Array} decode
 * @property {((greys: Float32Array) => Encoded) | null} encode null: the page does not compute it,
 *   but shows images that were decoded when the page was made
 */

/**
 * A model that the page computes, from its weights in one long array. With a prior its encoder
 * ends in two layers, for the posterior's mean and for the logarithm of its standard deviation.
 * @type {(shapes: Shapes, weights: Numbers, hasPrior: boolean) => Network}
 */
export function liveNetwork(shapes, weights, hasPrior) {
  let at = 0;
  const take = (/** @type {number} */ length) => weights.subarray(at, (at += length));
  /** @type {(shape: [number, number]) => Layer} */
  const layer = ([outputs, inputs]) => ({ weight: take(outputs * inputs), bias: take(outputs) });
  const encoder = shapes.encoder.map(layer);
  const decoder = shapes.decoder.map(layer);
  if (at !== weights.length) throw new Error("weights of another length");
  const heads = encoder.splice(encoder.length - (hasPrior ? 2 : 1));
  return {
    decode: (code) => chain(decoder, code).map((logit) => 1 / (1 + Math.exp(-logit))),
    encode: (greys) => {
      const hidden = encoder.length ? relu(chain(encoder, greys)) : greys;
      const [code, logStd] = heads.map((head) => linear(head, hidden));
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
 * x -> the layers one after the other, with a ReLU between each two.
 * @type {(layers: Layer[], x: Numbers) => Float32Array}
 */
function chain(layers, x) {
  return /** @type {Float32Array} */ (
    layers.reduce((values, layer, number) => linear(layer, number ? relu(values) : values), x)
  );
}

/**
 * x (inputs) -> W x + b (outputs).
 * @type {(layer: Layer, x: Numbers) => Float32Array}
 */
function linear({ weight, bias }, x) {
  const outputs = new Float32Array(bias.length);
  for (let row = 0, at = 0; row < outputs.length; row++) {
    let sum = bias[row];
    for (let i = 0; i < x.length; i++) sum += weight[at++] * x[i];
    outputs[row] = sum;
  }
  return outputs;
}

/** @param {Numbers} x */
function relu(x) {
  return x.map((value) => (value > 0 ? value : 0));
}
