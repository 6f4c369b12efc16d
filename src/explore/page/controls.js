// The controls of the whole page: the classes and what the planes show, and the tabs of the tools.
// Each gives the field of the address that keeps it.

/** @import { Colours } from "./data.js" */
/** @import { AddressField } from "./state.js" */

import { button, element, find } from "./elements.js";
import { numbersIn } from "./state.js";

/**
 * The names of the classes, as buttons: those pressed are shown, and all where none is.
 * @type {(root: HTMLElement, classes: string[], colours: Colours, onChange: () => void) =>
 *   { field: AddressField, pressed: () => number[] }}
 */
export function addLegend(root, classes, colours, onChange) {
  const buttons = classes.map((name, label) => {
    const dot = element("span", { class: "dot" });
    dot.style.setProperty("--light", colours.light[label % colours.light.length]);
    dot.style.setProperty("--dark", colours.dark[label % colours.dark.length]);
    const press = () => show(isPressed.map((before, i) => (i === label) !== before));
    return button({ class: "chip" }, press, dot, name);
  });
  let isPressed = classes.map(() => false);
  const show = (/** @type {boolean[]} */ isNow) => {
    isPressed = isNow;
    buttons.forEach((node, i) => node.setAttribute("aria-pressed", String(isNow[i])));
    onChange();
  };
  const pressed = () => [...classes.keys()].filter((label) => isPressed[label]);
  root.append(...buttons);
  return {
    pressed,
    field: {
      name: "classes",
      read: () => pressed().join(","),
      apply: (text) => show(classes.map((_, label) => numbersIn(text).includes(label))),
    },
  };
}

/**
 * The switch between dots, decoded images and both.
 * @type {(root: HTMLElement, onChange: () => void) => { field: AddressField, value: () => string }}
 */
export function addSwitch(root, onChange) {
  const inputs = Array.from(root.querySelectorAll("input"));
  const value = () => inputs.find((input) => input.checked)?.value ?? "";
  root.addEventListener("change", onChange);
  return {
    value,
    field: {
      name: "show",
      read: () => (inputs[0].checked ? "" : value()),
      apply: (text) => {
        (inputs.find((input) => input.value === text) ?? inputs[0]).checked = true;
        onChange();
      },
    },
  };
}

/**
 * The tabs of the tools, one of which is shown.
 * @type {(root: HTMLElement, onShow: (tool: string) => void) => AddressField}
 */
export function addTabs(root, onShow) {
  const tabs = /** @type {HTMLElement[]} */ (Array.from(root.querySelectorAll("[role=tab]")));
  let shown = tabs[0];
  const show = (/** @type {HTMLElement} */ chosen) => {
    shown = chosen;
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === shown));
      tab.tabIndex = tab === shown ? 0 : -1;
      find(root, `#${toolOf(tab)}`).hidden = tab !== shown;
    }
    onShow(toolOf(shown));
  };
  tabs.forEach((tab, number) => {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = tabs[(number + by + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
  return {
    name: "tool",
    read: () => (shown === tabs[0] ? "" : toolOf(shown)),
    apply: (text) => show(tabs.find((tab) => toolOf(tab) === text) ?? tabs[0]),
  };
}

/** @param {HTMLElement} tab */
function toolOf(tab) {
  return tab.getAttribute("aria-controls") ?? "";
}
