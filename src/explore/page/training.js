// Training a model further: loss, gradients and Adam, as src/models/losses.py and PyTorch have
// them; and how much a model tells of images, and loses.

/** @import { ModelFacts } from "./data.js" */
/** @import { Chain, Layer } from "./network.js" */

import { klDivergence, reconstructionLoss } from "./loss.js";
import { addRows, forward, layersOf, sigmoid } from "./network.js";

const [DECAY, DECAY_OF_SQUARES, EPSILON] = [0.9, 0.999, 1e-8]; // Adam's, as PyTorch has them

/**
 * A model in training. Weights, gradients and Adam's memory have the same layout.
 * @typedef {object} Learner
 * @property {ModelFacts} facts
 * @property {Float32Array} weights
 * @property {Float32Array} gradients of the last batch's loss
 * @property {Float32Array} mean of the gradients, weighted: Adam's first moment
 * @property {Float32Array} square of the gradients, weighted: Adam's second moment
 * @property {number} steps
 * @property {{ encoder: Chain, decoder: Chain }} layers
 * @property {{ encoder: Chain, decoder: Chain }} slopes the gradients, layer by layer
 */

/**
 * A learner that has learned nothing yet: it begins with a copy of the weights, without memory.
 * @type {(facts: ModelFacts, trained: Float32Array) => Learner}
 */
export function learnerOf(facts, trained) {
  const weights = trained.slice();
  const [gradients, mean, square] = [0, 1, 2].map(() => new Float32Array(weights.length));
  return {
    facts,
    weights,
    gradients,
    mean,
    square,
    steps: 0,
    layers: layersOf(facts, weights),
    slopes: layersOf(facts, gradients),
  };
}

/**
 * Images x (count, pixels) encoded and decoded, with z = mu + sigma * noise; noise (count, dims).
 * The error, the reconstruction loss, is summed over images and pixels; `kls`, the KL divergence of
 * each dimension, over images; pixels (count, 784).
 * Source: Kingma and Welling (2013), section 2.4 and appendix B.
 * @param {Learner} learner
 * @param {Float32Array} x
 * @param {Float32Array} noise
 */
export function pass({ layers, facts }, x, noise) {
  const { priorStd } = facts;
  const dims = layers.encoder[layers.encoder.length - 1][0].bias.length;
  const count = noise.length / dims;
  const encoded = forward(layers.encoder, x, count);
  const [mu, logSigma] = encoded.outputs;
  /** @type {Float32Array | undefined} */
  const sigma = logSigma?.map(Math.exp);
  const kls = new Float64Array(priorStd === null ? 0 : dims);
  if (sigma && priorStd !== null)
    klDivergence(mu, sigma, priorStd).forEach((kl, i) => (kls[i % dims] += kl));
  const z = sigma ? mu.map((mean, i) => mean + sigma[i] * noise[i]) : mu;
  const decoded = forward(layers.decoder, z, count);
  const pixels = new Float64Array(decoded.outputs[0]).map(sigmoid);
  const error = reconstructionLoss(facts, x, pixels);
  return { error, count, encoded, decoded, pixels, mu, sigma, kls };
}

/**
 * Fill in the learner's gradients: of the reconstruction loss plus beta times the KL divergence
 * from the prior, both summed over the images.
 * @type {(learner: Learner, x: Float32Array, noise: Float32Array, beta: number) => void}
 */
export function differentiate(learner, x, noise, beta) {
  const { layers, slopes } = learner;
  const { priorStd, reconstructionLoss: loss } = learner.facts;
  const { count, encoded, decoded, pixels, mu, sigma } = pass(learner, x, noise);
  const ofLogits = x.map((grey, i) => {
    const difference = pixels[i] - grey;
    return loss === "sse" ? 2 * difference * pixels[i] * (1 - pixels[i]) : difference;
  });
  const ofZ = backward(layers.decoder, slopes.decoder, decoded.inputs, [ofLogits], count);
  const ofCodes = [inputSlopes(layers.decoder[0], ofZ, decoded.inputs[0], count, false)];
  if (priorStd !== null && sigma) {
    const weight = beta / priorStd ** 2;
    ofCodes.push(sigma.map((std, i) => ofCodes[0][i] * noise[i] * std + weight * std ** 2 - beta));
    ofCodes[0].forEach((slope, i) => (ofCodes[0][i] = slope + weight * mu[i]));
  }
  backward(layers.encoder, slopes.encoder, encoded.inputs, ofCodes, count);
}

/**
 * Fill in the gradients of a chain's weights, from those of its outputs; returns those of the
 * first layer's outputs.
 * @type {(chain: Chain, slopes: Chain, inputs: Float32Array[], ofOutputs: Float32Array[],
 *   count: number) => Float32Array[]}
 */
function backward(chain, slopes, inputs, ofOutputs, count) {
  for (let at = chain.length - 1; ; at--) {
    slopes[at].forEach((slope, head) => weightSlopes(slope, inputs[at], ofOutputs[head], count));
    if (at === 0) return ofOutputs;
    ofOutputs = [inputSlopes(chain[at], ofOutputs, inputs[at], count, true)];
  }
}

/**
 * Fill in the gradients of a layer's weights, a row for each input.
 * @type {(slope: Layer, x: Float32Array, ofOutputs: Float32Array, count: number) => void}
 */
function weightSlopes({ weight, bias }, x, ofOutputs, count) {
  const [height, width] = [x.length / count, bias.length];
  const sums = new Float64Array(width);
  for (let i = 0; i < ofOutputs.length; i++) sums[i % width] += ofOutputs[i];
  bias.set(sums);
  for (let i = 0; i < height; i++) {
    sums.fill(0);
    addRows(sums, ofOutputs, x, i, height, count);
    weight.set(sums, i * width);
  }
}

/**
 * The gradients of what goes into layers beside each other; behind a ReLU only where it was open.
 * @type {(layers: Layer[], ofOutputs: Float32Array[], x: Float32Array, count: number,
 *   isBehindReLU: boolean) => Float32Array}
 */
function inputSlopes(layers, ofOutputs, x, count, isBehindReLU) {
  const height = x.length / count;
  const result = new Float32Array(x.length);
  const open = new Int32Array(count + 3);
  const sums = new Float64Array(count + 3);
  layers.forEach(({ weight, bias }, head) => {
    const [width, rows] = [bias.length, ofOutputs[head]];
    for (let i = 0, row = 0; i < height; i++, row += width) {
      let length = 0;
      for (let n = 0; n < count; n++)
        if (!isBehindReLU || x[n * height + i] !== 0) open[length++] = n;
      open.fill(open[length - 1], length, length + 3); // four at once, at the end one several times
      for (let k = 0; k < length; k += 4) {
        const a = open[k] * width;
        const b = open[k + 1] * width;
        const c = open[k + 2] * width;
        const d = open[k + 3] * width;
        let p = 0;
        let q = 0;
        let r = 0;
        let s = 0;
        for (let j = 0; j < width; j++) {
          const value = weight[row + j];
          p += value * rows[a + j];
          q += value * rows[b + j];
          r += value * rows[c + j];
          s += value * rows[d + j];
        }
        sums[k] = p;
        sums[k + 1] = q;
        sums[k + 2] = r;
        sums[k + 3] = s;
      }
      for (let k = 0; k < length; k++) result[open[k] * height + i] += sums[k];
    }
  });
  return result;
}

/**
 * One step of Adam along the learner's gradients.
 * Source: Kingma and Ba (2014), algorithm 1.
 * @type {(learner: Learner, learningRate: number) => void}
 */
export function step(learner, learningRate) {
  const { weights, gradients, mean, square } = learner;
  learner.steps++;
  const rate = learningRate / (1 - DECAY ** learner.steps);
  const scale = 1 / Math.sqrt(1 - DECAY_OF_SQUARES ** learner.steps);
  for (let i = 0; i < weights.length; i++) {
    const gradient = gradients[i];
    if (gradient === 0 && square[i] === 0) continue; // a pixel that no image has
    mean[i] += (1 - DECAY) * (gradient - mean[i]);
    square[i] += (1 - DECAY_OF_SQUARES) * (gradient * gradient - square[i]);
    weights[i] -= (rate * mean[i]) / (Math.sqrt(square[i]) * scale + EPSILON);
  }
}
