// The page's side of a training: starts the worker, sends it commands, and hands on its states.

/** @import { Data, Model } from "./data.js" */
/** @import { Command, Settings, State } from "./worker.js" */

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
    /** @type {Worker | null} */
    this.worker = null;
  }

  // The next command starts from the trained weights.
  end() {
    this.worker?.terminate();
    this.worker = null;
  }

  /**
   * Sends a command, a method of the worker's session.
   * @type {(command: Command, value?: Partial<Settings> | number) => void}
   */
  send(command, value) {
    if (this.hasFailed) return;
    try {
      this.worker ??= this.start();
      this.worker.postMessage([command, value]);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  start() {
    const worker = new Worker(scriptAddress());
    worker.onmessage = ({ data }) => worker === this.worker && this.onState(data);
    worker.onerror = (event) => this.fail(event.message || "the browser starts no worker");
    const { images, seed } = this;
    const { facts, weights } = this.model;
    worker.postMessage(["start", { facts, weights, images, seed }]);
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
