// Samples: codes drawn from each model's prior, or from what stands in for one, as images and as
// crosses on the planes.

/** @import { Panel } from "./panel.js" */
/** @import { Space } from "./space.js" */
/** @import { AddressField } from "./state.js" */

import { element, find } from "./elements.js";
import { imageButton } from "./images.js";

const SAMPLES = 10;

export class Samples {
  /**
   * @param {HTMLElement} root
   * @param {Panel[]} panels
   * @param {number} seed
   * @param {() => void} onChange
   */
  constructor(root, panels, seed, onChange) {
    this.panels = panels;
    this.firstSeed = seed;
    this.seed = seed;
    this.isShown = false;
    this.onChange = onChange;
    this.rows = panels.map(({ title }) => {
      const list = element("ol", { class: "strip" });
      const words = element("p", { class: "quiet" });
      find(root, ".rows").append(element("div", {}, element("h3", {}, title), list, words));
      return { list, words };
    });
    find(root, ".again").addEventListener("click", () => this.draw(this.seed + 1));
  }

  /** @param {boolean} isShown whether the crosses are on the planes */
  show(isShown) {
    this.isShown = isShown;
    this.draw(this.seed);
  }

  /** @param {number} seed */
  draw(seed) {
    this.seed = seed;
    this.panels.forEach((panel, row) => {
      const codes = this.isShown ? panel.space.samples(SAMPLES, seed) : [];
      panel.plane.mark({ crosses: codes });
      if (this.isShown) this.showRow(panel, row, codes);
    });
    this.onChange();
  }

  /** @type {(panel: Panel, row: number, codes: Float32Array[]) => void} */
  showRow(panel, row, codes) {
    const { space, network, title } = panel;
    const items = codes.map((code, i) => {
      const label = `${title}: go to sample ${i + 1}, seed ${this.seed}`;
      return imageButton(network.decode(code), label, () => panel.goTo(code));
    });
    const far = codes.filter(
      (code) => space.nearest(code, 1)[0].distance > space.spacing.most,
    ).length;
    const { list, words } = this.rows[row];
    list.replaceChildren(...items);
    words.textContent =
      `${originOf(space)} seed ${this.seed}. Farther from any code than 199 of 200 codes from ` +
      `their neighbour: ${far} of ${SAMPLES}.`;
  }

  /** @returns {AddressField} */
  get addressField() {
    return {
      name: "seed",
      read: () => (this.seed === this.firstSeed ? "" : String(this.seed)),
      apply: (text) => {
        const seed = Number(text);
        this.draw(text && Number.isSafeInteger(seed) && seed >= 0 ? seed : this.firstSeed);
      },
    };
  }
}

/**
 * What is drawn from, and where a variance of 1/2 comes from.
 * @param {Space} space
 */
function originOf({ priorStd: std, axes, axesAreComplete }) {
  if (std === null) {
    const beyond = axesAreComplete ? "" : ` along their first ${axes.length} principal axes`;
    return `It has no prior: from a Gaussian fitted to its codes${beyond},`;
  }
  const isTutorials = Math.abs(std ** 2 - 0.5) < 1e-6;
  const why = isTutorials
    ? ": the tutorial\u2019s KL term pulls towards a variance of 1/2 (docs/kl-term.md)"
    : "";
  return `From its prior, a Gaussian around 0 of standard deviation ${std.toPrecision(4)}${why};`;
}
