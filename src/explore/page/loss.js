// The loss of one image, as src/models/losses.py has it: reconstruction loss and KL divergence.

/** @import { ModelFacts } from "./data.js" */

/**
 * Of an image and its reconstruction, summed over the pixels: the cross-entropy in nats, or the
 * squared error.
 * @type {(facts: ModelFacts, image: Float32Array, reconstruction: Float32Array) => number}
 */
export function reconstructionLoss({ reconstructionLoss: name }, image, reconstruction) {
  const pixel = name === "bce" ? crossEntropy : squaredError;
  return image.reduce((sum, grey, i) => sum + pixel(grey, reconstruction[i]), 0);
}

/** @type {(grey: number, other: number) => number} */
function squaredError(grey, other) {
  return (grey - other) ** 2;
}

/** @type {(grey: number, other: number) => number} */
function crossEntropy(grey, other) {
  const p = Math.min(1 - 1e-6, Math.max(1e-6, other));
  return -grey * Math.log(p) - (1 - grey) * Math.log(1 - p);
}

/**
 * KL( N(mu, sigma^2) || N(0, priorStd^2) ) in nats, for each dimension (Kingma and Welling 2013,
 * appendix B).
 * @type {(mu: Float32Array, sigma: Float32Array, priorStd: number) => number[]}
 */
export function klDivergence(mu, sigma, priorStd) {
  return Array.from(mu, (mean, i) => {
    const ratio = (mean ** 2 + sigma[i] ** 2) / priorStd ** 2;
    return (ratio - 1) / 2 - Math.log(sigma[i] / priorStd);
  });
}
