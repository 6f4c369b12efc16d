// The tools beside the planes, one shown at a time: drawing, a path, samples. And small copies of
// the planes with them.

import { button, element, part } from "./elements.js";
import { Plane } from "./plane.js";

export const TOOLS = ["draw", "path", "samples"];

/**
 * Wires the tabs; gives what shows a tool, and which one is shown.
 * @param {HTMLElement} root
 * @param {(tool: string) => void} onShow
 */
export function addTabs(root, onShow) {
  const tabs = /** @type {HTMLElement[]} */ (Array.from(root.querySelectorAll("[role=tab]")));
  let shown = TOOLS[0];
  const show = (/** @type {string} */ tool) => {
    shown = tool;
    for (const tab of tabs) {
      const isShown = tab.dataset.tool === tool;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      part(root, `#${tab.getAttribute("aria-controls")}`).hidden = !isShown;
    }
    onShow(tool);
  };
  tabs.forEach((tab, number) => {
    tab.addEventListener("click", () => show(tab.dataset.tool ?? shown));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = tabs[(number + by + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
  return { show, shown: () => shown };
}

/**
 * Small planes that show what the large ones mark, for screens on which those are out of sight.
 * @param {HTMLElement} root
 * @param {import("./panel.js").Panel[]} panels
 */
export function addSmallPlanes(root, panels) {
  for (const { title, parts, plane } of panels) {
    const canvases = [
      element("canvas", { role: "img" }),
      element("canvas", { "aria-hidden": "true" }),
    ];
    const small = element("div", { class: "plane small" }, ...canvases);
    root.append(element("figure", {}, small, element("figcaption", {}, title)));
    const copy = new Plane(small, { ...parts, title: `${title}, small` });
    plane.copies.push(copy);
  }
}

/**
 * The names of the classes, as buttons: those pressed are shown, and all where none is.
 * @param {HTMLElement} root
 * @param {string[]} classes
 * @param {{ light: string[], dark: string[] }} colours
 * @param {(labels: Set<number>) => void} onFilter
 */
export function addLegend(root, classes, colours, onFilter) {
  const buttons = classes.map((name, label) => {
    const dot = element("span", { class: "dot" });
    dot.style.setProperty("--light", colours.light[label % colours.light.length]);
    dot.style.setProperty("--dark", colours.dark[label % colours.dark.length]);
    return button({ class: "chip", "aria-pressed": "false" }, () => press(label), dot, name);
  });
  const pressed = () =>
    buttons.flatMap((one, label) => (one.getAttribute("aria-pressed") === "true" ? [label] : []));
  const set = (/** @type {number[]} */ labels) => {
    buttons.forEach((one, label) =>
      one.setAttribute("aria-pressed", String(labels.includes(label))),
    );
    onFilter(new Set(labels));
  };
  const press = (/** @type {number} */ label) => {
    const before = pressed();
    set(before.includes(label) ? before.filter((other) => other !== label) : [...before, label]);
  };
  root.append(...buttons);
  return { set, pressed };
}
