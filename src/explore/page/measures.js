// How fast and how exact the page computes.

import { length, part, short } from "./elements.js";

const TIMED = 10; // decodes whose mean time is told

/**
 * @param {import("./panel.js").Panel[]} panels
 * @param {import("./types.js").Facts} facts
 */
export function addMeasures(panels, facts) {
  const live = facts.models.filter(({ difference }) => difference !== undefined);
  const differences = live.map(({ title, difference }) => `${title} ${difference}`).join(", ");
  part(document, "#exact").textContent = live.length
    ? `At ${facts.probes} codes, pixels differ from PyTorch's by at most (of 255): ${differences}.`
    : "";
  const seconds = short(performance.now() / 1000);
  const times = panels.map((panel) => {
    const start = performance.now();
    for (let i = 0; i < TIMED; i++) panel.network.decode(panel.code);
    return `${panel.title} ${length((performance.now() - start) / TIMED)}`;
  });
  part(document, "#time").textContent =
    `The page was there after ${seconds} seconds. ` +
    `A decode takes, in milliseconds: ${times.join(", ")}.`;
}
