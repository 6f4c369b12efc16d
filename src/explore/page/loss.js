// The loss, as src/models/losses.py has it: reconstruction loss and KL divergence. It needs no
// document, which a worker has not.

/** @import { ModelFacts } from "./data.js" */

const LEAST = 2 ** -53; // what float64 can tell from 1: no pixel is nearer to black or white

/**
 * Of images and their reconstructions, summed over the pixels: the cross-entropy in nats, or the
 * squared error.
 * @type {(facts: ModelFacts, x: Float32Array, pixels: ArrayLike<number>) => number}
 */
export function reconstructionLoss({ reconstructionLoss: name }, x, pixels) {
  const term = name === "bce" ? crossEntropy : squaredError;
  return x.reduce((sum, grey, i) => sum + term(grey, pixels[i]), 0);
}

/** @type {(grey: number, pixel: number) => number} */
function squaredError(grey, pixel) {
  return (grey - pixel) ** 2;
}

/** @type {(grey: number, pixel: number) => number} */
function crossEntropy(grey, pixel) {
  const [p, q] = [Math.max(LEAST, pixel), Math.max(LEAST, 1 - pixel)];
  return -grey * Math.log(p) - (1 - grey) * Math.log(q);
}

/**
 * KL( N(mu, sigma^2) || N(0, priorStd^2) ) in nats, element by element (Kingma and Welling 2013,
 * appendix B).
 * @type {(mu: Float32Array, sigma: Float32Array, priorStd: number) => Float32Array}
 */
export function klDivergence(mu, sigma, priorStd) {
  return mu.map((mean, i) => {
    const ratio = (mean ** 2 + sigma[i] ** 2) / priorStd ** 2;
    return (ratio - 1) / 2 - Math.log(sigma[i] / priorStd);
  });
}
