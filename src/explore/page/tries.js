// "Try this": sentences on the models at hand, each with a link that sets the page up for it.

import { element, part } from "./elements.js";

/**
 * Adds the links. The part of the state that it returns keeps the sentence in the address.
 * @param {import("./types.js").Suggestion[]} tries
 * @param {(state: string) => void} visit
 * @returns {import("./state.js").Part}
 */
export function addTries(tries, visit) {
  const lead = part(document, "#lead");
  const start = lead.textContent;
  let current = "";
  part(document, "#tries").hidden = !tries.length;
  const links = tries.map(({ title, state }, number) => {
    const place = `${state}&try=${number}`;
    const link = element("a", { href: `#${place}`, class: "try" }, title);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      visit(place);
    });
    part(document, "#try-list").append(element("li", {}, link));
    return link;
  });
  return {
    name: "try",
    read: () => current,
    apply: (text) => {
      const number = tries.findIndex((_, i) => String(i) === text);
      current = number < 0 ? "" : String(number);
      lead.textContent = number < 0 ? start : tries[number].words;
      for (const [i, link] of links.entries()) {
        if (i === number) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
  };
}
