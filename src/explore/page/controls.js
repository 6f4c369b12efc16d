// The controls below a plane: buttons that show another part of it, and sliders for single
// dimensions.

import { element, part } from "./elements.js";

/**
 * What the buttons below a plane do.
 * @param {import("./panel.js").Panel} panel
 */
export function addButtons(panel) {
  const { plane } = panel;
  const { view } = plane;
  const closer = (/** @type {number} */ factor) =>
    plane.look(() =>
      view.zoom(factor, ...(view.isHome && factor < 1 ? [] : view.pixel(...plane.marks.point))),
    );
  const pan = (/** @type {number} */ x, /** @type {number} */ y) =>
    plane.look(() => view.pan((x * view.size[0]) / 4, (y * view.size[1]) / 4));
  /** @type {[string, () => void][]} */
  const acts = [
    [".closer", () => closer(1.5)],
    [".farther", () => closer(1 / 1.5)],
    [".whole", () => plane.look(() => view.goHome())],
    [".left", () => pan(1, 0)],
    [".right", () => pan(-1, 0)],
    [".up", () => pan(0, 1)],
    [".down", () => pan(0, -1)],
    [".mean", () => panel.goTo(Float32Array.from(panel.space.mean))],
    [".let-go", () => plane.hold(false)],
    [".past", () => panel.passBy()],
  ];
  for (const [selector, act] of acts) part(panel.root, selector).addEventListener("click", act);
}

/**
 * A slider for one latent dimension; moving it leaves all others where they are.
 * @param {import("./panel.js").Panel} panel
 * @param {number} dim
 */
export function addSlider(panel, dim) {
  const [min, max] = [panel.facts.codeLow[dim], panel.facts.codeHigh[dim]];
  const attributes = {
    type: "range",
    min,
    max,
    step: (max - min) / 1000 || 1,
    "aria-label": `z${dim + 1}`,
  };
  const input = /** @type {HTMLInputElement} */ (element("input", attributes));
  const number = element("span", { class: "number", "aria-hidden": "true" });
  input.addEventListener("input", () => {
    panel.outside.onTouch();
    panel.goTo(panel.code.map((old, i) => (i === dim ? Number(input.value) : old)));
  });
  const name = element("span", { "aria-hidden": "true" }, `z${dim + 1}`);
  part(panel.root, ".sliders").append(element("div", { class: "slider" }, name, input, number));
  return { dim, input, number };
}
