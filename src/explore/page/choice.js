// The choice of the axes along which a panel's plane is seen, above two dimensions; and how much
// of the variance they show.

/** @import { AddressField } from "./state.js" */
/** @import { Panel } from "./panel.js" */
/** @import { Axis } from "./space.js" */

import { element, find } from "./elements.js";

const FAMILIES = ["Principal components", "Latent dimensions"];

export class Choice {
  /**
   * A model that shows images decoded in advance, for the first axes, has no choice.
   * @param {HTMLElement} root
   * @param {Panel} panel
   */
  constructor(root, panel) {
    this.panel = panel;
    this.words = find(root, ".plane-share");
    this.selects = /** @type {HTMLSelectElement[]} */ (Array.from(root.querySelectorAll("select")));
    root.hidden = panel.space.dims <= 2;
    for (const select of this.selects) {
      /** @type {HTMLElement} */ (select.parentElement).hidden = !panel.network.encode;
      select.addEventListener("change", () => this.choose());
    }
    this.show();
  }

  // Both axes are of one family: the second follows the first.
  choose() {
    const family = this.familyOf(this.selects[0].value);
    const [first, second] = this.selects.map(
      ({ value }) => /** @type {Axis} */ (family.find(({ key }) => key === value)),
    );
    const others = [second, this.panel.space.shown[0], ...family];
    const other = others.filter((axis) => axis !== first && family.includes(axis))[0];
    this.panel.showAxes([first, other]);
  }

  /** @param {string} key of an axis */
  familyOf(key) {
    const { families } = this.panel.model.trained.space;
    return families.find((family) => family.some((axis) => axis.key === key)) ?? families[0];
  }

  // What is shown, in the selects and in words.
  show() {
    const { space, model } = this.panel;
    if (space.dims <= 2) return;
    const [first, second] = space.shown;
    const groups = model.trained.space.families.map((family, i) =>
      element("optgroup", { label: FAMILIES[i] }, ...optionsOf(family)),
    );
    const others = this.familyOf(first.key).filter(({ key }) => key !== first.key);
    this.selects[0].replaceChildren(...groups.filter((group) => group.children.length));
    this.selects[1].replaceChildren(...optionsOf(others));
    [this.selects[0].value, this.selects[1].value] = [first.key, second.key];
    this.showShare();
  }

  // The variance that the plane shows of the codes of now; lists that may be open stay as they are.
  showShare() {
    const { space, network } = this.panel;
    const share = space.shares.reduce((sum, value) => sum + value, 0);
    const words = `${(100 * share).toFixed(1)} % of the variance`;
    this.words.textContent = network.encode ? words : `The plane shows ${words}.`;
  }

  /** @param {boolean} isFilm the film knows the first axes only */
  lock(isFilm) {
    for (const select of this.selects) select.disabled = isFilm;
  }

  /** @returns {AddressField} */
  get addressField() {
    const { panel } = this;
    const { space } = panel.model.trained;
    return {
      name: `${panel.facts.name}.axes`,
      read: () => {
        const text = keysOf(panel.space.shown);
        return text === keysOf(space.firstAxes) ? "" : text;
      },
      apply: (text) => {
        const keys = (text ?? "").split(",");
        const axes = this.familyOf(keys[0]).filter(({ key }) => keys.includes(key));
        if (keys[0] !== axes[0]?.key) axes.reverse();
        const fits = keys.length === 2 && axes.length === 2 && panel.network.encode;
        panel.showAxes(fits ? axes : space.firstAxes);
      },
    };
  }
}

/** @param {Axis[]} axes */
function keysOf(axes) {
  return axes.map(({ key }) => key).join();
}

/** @param {Axis[]} axes */
function optionsOf(axes) {
  return axes.map(({ key, name }) => element("option", { value: key }, name));
}
