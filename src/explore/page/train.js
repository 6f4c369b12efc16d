// Training goes on in the page, from the pipeline's weights: the knobs, and what they do to rate
// and distortion. trainer.js has the worker that computes it.

/** @import { Data } from "./data.js" */
/** @import { Panel } from "./panel.js" */
/** @import { AddressField } from "./state.js" */
/** @import { Command, Measured, State as TrainingState } from "./worker.js" */

import { announcer, element, find, numberText, REDUCED_MOTION } from "./elements.js";
import { liveNetwork } from "./network.js";
import { drawBars, drawRates } from "./rates.js";
import { varianceOf } from "./space.js";
import { Trainer } from "./trainer.js";

const BETAS = [0, 0.1, 0.2, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40];
const AT_ONCE = 10; // steps of a press under reduced motion
const BARS_FROM = 3; // dimensions: fewer are seen on the plane

export class Train {
  /**
   * @param {HTMLElement} root
   * @param {Panel[]} panels
   * @param {Data} data
   * @param {{ onModel: (isMeasured: boolean) => void, onChange: () => void }} handlers a model is
   *   another than before; a field of the address has changed
   */
  constructor(root, panels, data, { onModel, onChange }) {
    this.root = root;
    this.data = data;
    this.onModel = onModel;
    this.onChange = onChange;
    this.panels = panels.filter(({ facts }) => facts.trainable);
    this.announce = announcer(find(root, ".announcement"));
    /** @type {Trainer | null} */
    this.trainer = null; // its worker starts when the knobs are first seen
    /** @type {(Measured & { spread: number })[]} */
    this.track = []; // since the pipeline's weights, which are its first; spread: of the codes
    this.steps = 0;
    this.isRunning = false;
    this.beta = /** @type {HTMLInputElement} */ (find(root, ".beta input"));
    this.noise = /** @type {HTMLInputElement} */ (find(root, ".noise input"));
    this.select = /** @type {HTMLSelectElement} */ (find(root, ".model"));
    this.learningRate = /** @type {HTMLSelectElement} */ (find(root, ".learning-rate"));
    this.betas = BETAS;
    /** @type {Panel | undefined} */
    this.panel = undefined;
    /** @type {() => void} */
    this.next = () => {}; // what waits until the pipeline's model has been measured
    const unknown = panels.filter((panel) => !this.panels.includes(panel));
    find(root, ".none").textContent = unknown
      .map(({ title }) => `The page does not know how the ${title} computes: it has no knob.`)
      .join(" ");
    find(root, ".knobs").hidden = !this.panels.length;
    if (!this.panels.length) return;
    for (const { facts } of this.panels)
      this.select.append(element("option", { value: facts.name }, facts.title));
    this.listen();
    this.choose(this.panels.find(({ facts }) => facts.priorStd !== null) ?? this.panels[0]);
  }

  listen() {
    const { root } = this;
    this.select.addEventListener("change", () => {
      const chosen = this.panels.find(({ facts }) => facts.name === this.select.value);
      this.choose(/** @type {Panel} */ (chosen));
      this.measure();
    });
    for (const knob of [this.beta, this.noise, this.learningRate])
      knob.addEventListener("input", () => this.set());
    find(root, ".run").addEventListener("click", () => this.press());
    find(root, ".one").addEventListener("click", () => this.act("step", 1));
    find(root, ".reset").addEventListener("click", () => this.trainer?.send("back"));
    REDUCED_MOTION.addEventListener("change", () => this.trainer?.send("pause"));
  }

  /**
   * Turn the knobs of this model from now on; the last one is again the pipeline's.
   * @param {Panel} panel
   */
  choose(panel) {
    this.reset();
    this.panel = panel;
    this.select.value = panel.facts.name;
    const { beta, priorStd } = panel.facts;
    this.betas = [...new Set([...BETAS, beta])].sort((a, b) => a - b);
    this.beta.max = String(this.betas.length - 1);
    this.beta.disabled = this.noise.disabled = priorStd === null;
    this.turn(beta, true);
    find(this.root, ".of-ae").hidden = priorStd !== null;
  }

  /**
   * Set the knobs.
   * @type {(beta: number, hasNoise: boolean) => void}
   */
  turn(beta, hasNoise) {
    const { betas } = this;
    const nearest = betas.reduce((best, one) =>
      Math.abs(one - beta) < Math.abs(best - beta) ? one : best,
    );
    this.beta.value = String(betas.indexOf(nearest));
    this.noise.checked = hasNoise;
    this.set();
  }

  get chosenBeta() {
    return this.betas[Number(this.beta.value)];
  }

  set() {
    const beta = this.chosenBeta;
    this.beta.setAttribute("aria-valuetext", `beta ${beta}`);
    find(this.root, ".beta .number").textContent = String(beta);
    if (this.track.length) {
      this.trainer?.send("set", this.settings);
      if (!this.isRunning) this.trainer?.send("measure");
    }
    this.onChange();
  }

  get settings() {
    const learningRate = Number(this.learningRate.value);
    return { beta: this.chosenBeta, learningRate, hasNoise: this.noise.checked };
  }

  // Starts the worker, which first measures the pipeline's model: with noise, as the pipeline does.
  measure() {
    const { panel, data } = this;
    if (!panel) return;
    this.trainer = new Trainer(panel.model, data.images, data.facts.seed, {
      onState: (state) => this.show(state),
      onError: (reason) => this.fail(reason),
    });
    this.trainer.send("measure");
  }

  /** @type {(command: Command, count?: number) => void} */
  act(command, count) {
    const act = () => this.trainer?.send(command, count);
    if (this.track.length) act();
    else this.next = act;
  }

  /** @param {boolean} isShown */
  reveal(isShown) {
    if (isShown && !this.trainer) this.measure();
  }

  // Under reduced motion nothing goes on by itself.
  press() {
    if (this.isRunning) this.trainer?.send("pause");
    else if (REDUCED_MOTION.matches) this.act("step", AT_ONCE);
    else this.act("run");
  }

  // The pipeline's model again, and no worker.
  reset() {
    if (!this.trainer) return;
    this.trainer.end();
    this.trainer = null;
    this.track = [];
    this.next = () => {};
    [this.steps, this.isRunning] = [0, false];
    this.panel?.become(null);
    find(this.root, ".words").textContent = "";
    this.showButtons();
    this.onModel(true);
  }

  /** @param {TrainingState} state */
  show({ steps, isRunning, weights, codes, measured }) {
    const panel = /** @type {Panel} */ (this.panel);
    const hadSteps = this.steps > 0;
    [this.steps, this.isRunning] = [steps, isRunning];
    this.showButtons();
    if (steps) {
      const network = liveNetwork(panel.facts, weights);
      panel.become({ network, codes, words: `trained here, ${countText(steps)}` });
    } else if (hadSteps) {
      panel.become(null);
      this.track.length = 1;
    }
    if (steps || hadSteps) this.onModel(codes !== null);
    if (!measured || !codes) return;
    const isFirst = !this.track.length;
    this.track.push({ ...measured, spread: spreadOf(codes, panel.space.dims) });
    find(this.root, ".words").textContent = this.words;
    if (!isRunning) this.announce(this.words);
    const hasRate = panel.facts.priorStd !== null;
    const rates = hasRate ? [drawRates(this.track, this.words)] : [];
    find(this.root, ".rates").replaceChildren(...rates);
    const bars = hasRate && panel.space.dims >= BARS_FROM ? [drawBars(measured.kls)] : [];
    find(this.root, ".bars").replaceChildren(...bars);
    if (isFirst) this.begin();
  }

  // The settings are in force from here on.
  begin() {
    this.trainer?.send("set", this.settings);
    if (!this.noise.checked) this.trainer?.send("measure");
    this.next();
    this.next = () => {};
  }

  get words() {
    const [first, now] = [this.track[0], this.track[this.track.length - 1]];
    const hasRate = this.panel?.facts.priorStd !== null;
    const settings = `beta ${this.chosenBeta}${this.noise.checked ? "" : ", no noise"}, after`;
    const values = [
      `distortion ${numberText(now.distortion, 1)}`,
      `standard deviation of the codes ${change(first.spread, now.spread)}`,
    ];
    if (hasRate) {
      values.unshift(`rate ${numberText(now.rate, 1)} nats`);
      values.push(`sigma ${change(first.sigma, now.sigma)} on average`);
    }
    return `${hasRate ? settings : "After"} ${countText(this.steps)}: ${values.join(", ")}.`;
  }

  showButtons() {
    const rest = REDUCED_MOTION.matches ? `${AT_ONCE} steps` : "Run";
    find(this.root, ".run").textContent = this.isRunning ? "Pause" : rest;
  }

  /** @param {string} reason */
  fail(reason) {
    find(this.root, ".knobs").hidden = true;
    find(this.root, ".none").textContent =
      `This browser starts no worker for the page (${reason}), so it cannot train here.`;
  }

  /** @returns {AddressField[]} */
  get addressFields() {
    const start = () => this.panel?.facts.beta ?? 1;
    return [
      {
        name: "beta",
        read: () => (this.chosenBeta === start() ? "" : String(this.chosenBeta)),
        apply: (text) => {
          if (!this.panel) return;
          this.reset();
          const beta = Number(text);
          this.turn(text && beta >= 0 ? beta : start(), true);
        },
      },
      {
        name: "noise",
        read: () => (this.noise.checked ? "" : "off"),
        apply: (text) => {
          if (this.panel) this.turn(this.chosenBeta, text !== "off");
        },
      },
    ];
  }
}

/** @type {(before: number, now: number) => string} */
function change(before, now) {
  return `${numberText(before)} \u2192 ${numberText(now)}`;
}

/** @param {number} steps */
function countText(steps) {
  return `${steps} step${steps === 1 ? "" : "s"}`;
}

/**
 * The standard deviation of codes (n, dims), averaged over the dimensions.
 * @type {(codes: Float32Array, dims: number) => number}
 */
function spreadOf(codes, dims) {
  const stds = Array.from({ length: dims }, (_, dim) => Math.sqrt(varianceOf(codes, dims, dim)));
  return stds.reduce((sum, std) => sum + std, 0) / dims;
}
