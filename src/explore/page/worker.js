// The worker: trains a model further, as the messages of trainer.js say, and sends states.

/** @import { ModelFacts, Numbers } from "./data.js" */

import { imageOf, PIXELS } from "./greys.js";
import { forward } from "./network.js";
import { normals } from "./normals.js";
import { differentiate, learnerOf, pass, step } from "./training.js";

const BATCH = 32;
const DOTS = 1500; // training images whose codes are sent
const MEASURED = 300; // test images
const PIECE = 100; // images at once: a command waits for no more than a piece
const SLICE = 20; // milliseconds of work, after which commands are heard
const WEIGHTS_EVERY = 125; // milliseconds
const ALL_EVERY = 1000;

/** @typedef {{ beta: number, learningRate: number, hasNoise: boolean }} Settings */

/**
 * What a worker is given first.
 * @typedef {object} Start
 * @property {ModelFacts} facts
 * @property {Float32Array} weights
 * @property {{ train: Numbers, test: Numbers }} images packed
 * @property {number} seed
 * @property {Settings} settings
 */

/**
 * @typedef {object} State
 * @property {number} steps since the trained model
 * @property {boolean} isRunning
 * @property {number} stepsPerSecond 0 until it is known
 * @property {Float32Array} weights
 * @property {Float32Array | null} codes posterior means of the first training images; null: not new
 * @property {{ rate: number, distortion: number, kls: number[] } | null} measured for an image, at
 *   the first test images; null: not new
 */

/** @type {Record<string, (values: any) => void>} */
let commands = { start: (start) => (commands = commandsOf(start)) };
self.onmessage = ({ data: [command, values] }) => commands[command](values);

/** @param {Start} start */
function commandsOf({ facts, weights: trained, images, seed, settings }) {
  const counts = { train: countOf(images.train), test: countOf(images.test) };
  const noise = noiseOf(Math.min(MEASURED, counts.test), facts.dims, normals(seed));
  let learner = learnerOf(facts, trained);
  let batches = batchesOf(counts.train, facts.dims, normals(seed + 1));
  let isRunning = false;
  let speed = { value: 0, since: 0, steps: 0 };
  /** @type {Iterator<void> | null} */
  let work = null;

  /** @type {(codes?: Float32Array | null, measured?: State["measured"]) => void} */
  function send(codes = null, measured = null) {
    const weights = learner.weights.slice();
    const { steps } = learner;
    const state = { steps, isRunning, stepsPerSecond: speed.value, weights, codes, measured };
    const transfer = codes ? [weights.buffer, codes.buffer] : [weights.buffer];
    self.postMessage(state, { transfer });
  }

  // Sends all of a state; after each piece of work it gives way.
  function* report() {
    const codes = new Float32Array(Math.min(DOTS, counts.train) * facts.dims);
    for (const numbers of pieces(codes.length / facts.dims)) {
      const x = greysOf(images.train, numbers);
      codes.set(
        forward(learner.layers.encoder, x, numbers.length).outputs[0],
        numbers[0] * facts.dims,
      );
      yield;
    }
    const sums = { error: 0, kls: new Float64Array(facts.priorStd === null ? 0 : facts.dims) };
    for (const numbers of pieces(Math.min(MEASURED, counts.test))) {
      const ends = [numbers[0], numbers[0] + numbers.length].map((n) => n * facts.dims);
      const drawn = settings.hasNoise
        ? noise.subarray(...ends)
        : new Float32Array(ends[1] - ends[0]);
      const { error, kls } = pass(learner, greysOf(images.test, numbers), drawn);
      sums.error += error;
      kls.forEach((kl, i) => (sums.kls[i] += kl));
      yield;
    }
    const count = noise.length / facts.dims;
    const kls = Array.from(sums.kls, (kl) => kl / count);
    const rate = kls.reduce((sum, kl) => sum + kl, 0);
    send(codes, { rate, distortion: sums.error / count, kls });
  }

  /** @param {number} count of steps */
  function* train(count) {
    let [sent, reported] = [performance.now(), performance.now()];
    speed = { value: 0, since: reported, steps: learner.steps };
    for (let done = 0; done < count; done++) {
      const { numbers, drawn } = batches.next().value;
      const eps = settings.hasNoise ? drawn : drawn.fill(0);
      differentiate(learner, greysOf(images.train, numbers), eps, settings.beta);
      step(learner, settings.learningRate);
      yield;
      const now = performance.now();
      if (now - reported > ALL_EVERY) {
        const value = (1000 * (learner.steps - speed.steps)) / (now - speed.since);
        speed = { value, since: now, steps: learner.steps };
        yield* report();
        sent = reported = performance.now();
      } else if (now - sent > WEIGHTS_EVERY) {
        send();
        sent = now;
      }
    }
    yield* tell();
  }

  // The weights at once, then all.
  function* tell() {
    isRunning = false;
    send();
    yield* report();
  }
  function drive() {
    const end = performance.now() + SLICE;
    while (work && performance.now() < end) if (work.next().done) work = null;
    if (work) setTimeout(drive);
  }

  /** @param {Iterator<void>} next */
  function begin(next) {
    if (!work) setTimeout(drive);
    work = next;
  }

  return {
    set: (/** @type {Partial<Settings>} */ values) => void (settings = { ...settings, ...values }),
    measure: () => isRunning || begin(report()),
    run: () => {
      isRunning = true;
      begin(train(Infinity));
    },
    pause: () => begin(tell()),
    step: (/** @type {number} */ count) => {
      isRunning = false;
      begin(train(count));
    },
    back: () => {
      learner = learnerOf(facts, trained);
      batches = batchesOf(counts.train, facts.dims, normals(seed + 1));
      begin(tell());
    },
  };
}

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

/** @type {(count: number, dims: number, normal: () => number) => Float32Array} */
function noiseOf(count, dims, normal) {
  return Float32Array.from({ length: count * dims }, normal);
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
 *   Generator<{ numbers: Uint32Array, drawn: Float32Array }, never>}
 */
function* batchesOf(count, dims, normal) {
  for (;;) {
    const keys = Float64Array.from({ length: count }, normal);
    const order = Uint32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    for (let at = 0; at < count; at += BATCH) {
      const numbers = order.subarray(at, at + BATCH);
      yield { numbers, drawn: noiseOf(numbers.length, dims, normal) };
    }
  }
}
