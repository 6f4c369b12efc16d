// The worker: trains a model further, as the messages of trainer.js say, and sends states.

/** @import { ModelFacts, Numbers } from "./data.js" */

import { imageOf, PIXELS } from "./greys.js";
import { forward } from "./network.js";
import { normals } from "./normals.js";
import { differentiate, learnerOf, pass, step } from "./training.js";

const BATCH = 32;
const DOTS = 1500; // training images whose codes are sent
const MEASURED = 150; // test images
const PIECE = 100; // images at once: a command waits for no more than a piece
const SLICE = 20; // milliseconds of work, after which commands are heard
const WEIGHTS_EVERY = 125; // milliseconds
const ALL_EVERY = 1000;

/** @typedef {{ beta: number, learningRate: number, hasNoise: boolean }} Settings */
/** @typedef {"set" | "measure" | "run" | "pause" | "step" | "back"} Command */

/**
 * @typedef {object} State
 * @property {number} steps since the trained model
 * @property {boolean} isRunning
 * @property {Float32Array} weights
 * @property {Float32Array | null} codes posterior means of the first training images; null: not new
 * @property {Measured | null} measured null: not new
 */

/**
 * Means over the first test images; nothing but the distortion is known of a model without a prior.
 * @typedef {object} Measured
 * @property {number} rate KL divergence, nats an image
 * @property {number} distortion reconstruction loss of an image
 * @property {number[]} kls the rate's part of each dimension
 * @property {number} sigma of the posteriors, over the dimensions too
 */

/** What commands act on; each is a method. */
class Session {
  /**
   * @param {{ facts: ModelFacts, weights: Float32Array, seed: number,
   *   images: { train: Numbers, test: Numbers } }} start images are packed
   */
  constructor({ facts, weights, images, seed }) {
    this.facts = facts;
    this.trained = weights;
    this.images = images;
    this.seed = seed;
    /** @type {Settings} */
    this.settings = { beta: facts.beta ?? 1, learningRate: 0.001, hasNoise: true };
    this.counts = {
      codes: Math.min(DOTS, countOf(images.train)),
      measured: Math.min(MEASURED, countOf(images.test)),
    };
    this.noise = noiseOf(this.counts.measured * facts.dims, normals(seed));
    this.isRunning = false;
    /** @type {Iterator<void> | null} */
    this.work = null; // in pieces
    this.learner = learnerOf(facts, weights);
    this.batches = this.newBatches();
  }

  newBatches() {
    return batchesOf(countOf(this.images.train), this.facts.dims, normals(this.seed + 1));
  }

  /** @param {Partial<Settings>} settings from the next step on */
  set(settings) {
    this.settings = { ...this.settings, ...settings };
  }

  // All of the state, without a step.
  measure() {
    if (!this.isRunning) this.turnTo(this.report());
  }

  run() {
    this.isRunning = true;
    this.turnTo(this.train(Infinity));
  }

  pause() {
    this.turnTo(this.tell());
  }

  /** @param {number} count */
  step(count) {
    this.isRunning = false;
    this.turnTo(this.train(count));
  }

  // To the trained weights, without steps; a training that runs pauses.
  back() {
    this.learner = learnerOf(this.facts, this.trained);
    this.batches = this.newBatches();
    this.turnTo(this.tell());
  }

  /** @param {Iterator<void>} work instead of what is being done */
  turnTo(work) {
    if (!this.work) setTimeout(() => this.goOn());
    this.work = work;
  }

  // Works for a while, then hears commands, and goes on.
  goOn() {
    const end = performance.now() + SLICE;
    while (this.work && performance.now() < end) if (this.work.next().done) this.work = null;
    if (this.work) setTimeout(() => this.goOn());
  }

  /** @param {number} count of steps */
  *train(count) {
    let [sent, reported] = [performance.now(), performance.now()];
    for (let done = 0; done < count; done++) {
      this.learn();
      yield;
      const now = performance.now();
      if (now - reported > ALL_EVERY) {
        yield* this.report();
        sent = reported = performance.now();
      } else if (now - sent > WEIGHTS_EVERY) {
        this.send();
        sent = now;
      }
    }
    yield* this.tell();
  }

  learn() {
    const { settings, learner } = this;
    const { numbers, noise } = this.batches.next().value;
    if (!settings.hasNoise) noise.fill(0);
    differentiate(learner, greysOf(this.images.train, numbers), noise, settings.beta);
    step(learner, settings.learningRate);
  }

  // At rest: the weights at once, then all.
  *tell() {
    this.isRunning = false;
    this.send();
    yield* this.report();
  }

  // Sends all of a state.
  *report() {
    this.send(yield* this.encode(), yield* this.measured());
  }

  /** @returns {Generator<void, Float32Array>} */
  *encode() {
    const { facts, images, learner, counts } = this;
    const codes = new Float32Array(counts.codes * facts.dims);
    for (const numbers of pieces(counts.codes)) {
      const x = greysOf(images.train, numbers);
      const [means] = forward(learner.layers.encoder, x, numbers.length).outputs;
      codes.set(means, numbers[0] * facts.dims);
      yield;
    }
    return codes;
  }

  /** @returns {Generator<void, Measured>} */
  *measured() {
    const { facts, images, learner, counts, settings } = this;
    let [distortion, sigma] = [0, 0];
    const kls = new Array(facts.priorStd === null ? 0 : facts.dims).fill(0);
    for (const numbers of pieces(counts.measured)) {
      const start = numbers[0] * facts.dims;
      const noise = this.noise.slice(start, start + numbers.length * facts.dims);
      if (!settings.hasNoise) noise.fill(0);
      const passed = pass(learner, greysOf(images.test, numbers), noise);
      distortion += passed.error / counts.measured;
      passed.sigma?.forEach((std) => (sigma += std / counts.measured / facts.dims));
      passed.kls.forEach((kl, i) => (kls[i] += kl / counts.measured));
      yield;
    }
    return { rate: kls.reduce((sum, kl) => sum + kl, 0), distortion, kls, sigma };
  }

  /** @type {(codes?: Float32Array | null, measured?: Measured | null) => void} */
  send(codes = null, measured = null) {
    const weights = this.learner.weights.slice();
    const { steps } = this.learner;
    const state = { steps, isRunning: this.isRunning, weights, codes, measured };
    const transfer = codes ? [weights.buffer, codes.buffer] : [weights.buffer];
    self.postMessage(state, { transfer });
  }
}

/** @type {Session} */
let session;
self.onmessage = ({ data: [command, values] }) => {
  if (command === "start") session = new Session(values);
  else /** @type {any} */ (session)[command](values);
};

/** @param {Numbers} packed */
function countOf(packed) {
  return (2 * packed.length) / PIXELS;
}

/**
 * Images in a row (n, pixels).
 * @type {(packed: Numbers, numbers: ArrayLike<number>) => Float32Array}
 */
function greysOf(packed, numbers) {
  const greys = new Float32Array(numbers.length * PIXELS);
  for (let i = 0; i < numbers.length; i++) greys.set(imageOf(packed, numbers[i]), i * PIXELS);
  return greys;
}

/** @type {(length: number, normal: () => number) => Float32Array} */
function noiseOf(length, normal) {
  return Float32Array.from({ length }, normal);
}

/**
 * The numbers from 0 on, `PIECE` at once.
 * @param {number} count
 */
function* pieces(count) {
  for (let at = 0; at < count; at += PIECE)
    yield Array.from({ length: Math.min(PIECE, count - at) }, (_, i) => at + i);
}

/**
 * Without end: the numbers of a batch's images, and noise; each time through all in a new order.
 * @type {(count: number, dims: number, normal: () => number) =>
 *   Generator<{ numbers: Uint32Array, noise: Float32Array }, never>}
 */
function* batchesOf(count, dims, normal) {
  for (;;) {
    const keys = Float64Array.from({ length: count }, normal);
    const order = Uint32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    for (let at = 0; at < count; at += BATCH) {
      const numbers = order.subarray(at, at + BATCH);
      yield { numbers, noise: noiseOf(numbers.length * dims, normal) };
    }
  }
}
