// The page's side of a training: starts the worker, sends it commands, and hands on its states.

/** @import { Data, Model } from "./data.js" */
/** @import { Settings, State } from "./worker.js" */

const WORKER = "$worker"; // its script: src/explore/assemble.py puts it here
const POLICY = "worker"; // the name that the page's policy allows

/** @type {string | undefined} */
let address; // of the worker's script, made once

export class Trainer {
  /**
   * Starts nothing: the worker starts with the first command, from the trained weights.
   * @param {Model} model that the page can train
   * @param {Data["images"]} images
   * @param {number} seed
   * @param {{ onState: (state: State) => void, onError: (reason: string) => void }} handlers
   *   `onError` is called once, when there is no worker or it has failed
   */
  constructor(model, images, seed, { onState, onError }) {
    this.model = model;
    this.images = { train: images.train.packed, test: images.test.packed };
    this.seed = seed;
    this.onState = onState;
    this.onError = onError;
    this.hasFailed = false;
    /** @type {Settings} */
    this.settings = { beta: model.facts.beta ?? 1, learningRate: 0.001, hasNoise: true };
    /** @type {Worker | null} */
    this.worker = null;
  }

  /** @param {Partial<Settings>} settings from the next step on */
  set(settings) {
    this.settings = { ...this.settings, ...settings };
    this.send("set", settings);
  }

  // All of the state, without a step.
  measure() {
    this.send("measure");
  }

  run() {
    this.send("run");
  }

  pause() {
    this.send("pause");
  }

  /** @param {number} count */
  step(count) {
    this.send("step", count);
  }

  // To the trained weights, without steps; a training that runs pauses.
  back() {
    this.send("back");
  }

  // The next command starts from the trained weights.
  end() {
    this.worker?.terminate();
    this.worker = null;
  }

  /** @type {(command: string, values?: unknown) => void} */
  send(command, values) {
    if (this.hasFailed) return;
    try {
      this.worker ??= this.start();
      this.worker.postMessage([command, values]);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  start() {
    const worker = new Worker(scriptAddress());
    worker.onmessage = ({ data }) => worker === this.worker && this.onState(data);
    worker.onerror = (event) => this.fail(event.message || "the browser starts no worker");
    const { model, images, seed, settings } = this;
    worker.postMessage([
      "start",
      { facts: model.facts, weights: model.weights, images, seed, settings },
    ]);
    return worker;
  }

  /** @param {string} reason */
  fail(reason) {
    this.end();
    if (!this.hasFailed) this.onError(reason);
    this.hasFailed = true;
  }
}

/**
 * Where the worker's script is: a text of this page, and the one address that its policy allows.
 * @returns {string} or what stands for it where the browser has Trusted Types
 */
function scriptAddress() {
  if (address) return address;
  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const createScriptURL = (/** @type {string} */ text) => {
    if (text !== url) throw new TypeError(`not the worker: ${text}`);
    return text;
  };
  const types = /** @type {any} */ (window).trustedTypes;
  address = types ? types.createPolicy(POLICY, { createScriptURL }).createScriptURL(url) : url;
  return /** @type {string} */ (address);
}
