// The state of the page, in the address' hash: reload and Back lead back to it, and it can be
// sent to others.

const QUIET = 500; // milliseconds without a change; browsers refuse to be told of each

/**
 * A part of the state: its name in the address, what it is now ("" if it is as at the start), and
 * what sets it.
 * @typedef {object} Part
 * @property {string} name
 * @property {() => string} read
 * @property {(text: string | null) => void} apply null: as at the start
 */

export class State {
  /** @param {Part[]} parts in the order in which they are set */
  constructor(parts) {
    this.parts = parts;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.isApplying = false;
    window.addEventListener("hashchange", () => this.apply());
  }

  // Something has changed: the address follows, as the same entry of the browser's history.
  changed() {
    if (this.isApplying) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), QUIET);
  }

  text() {
    const texts = this.parts.map((part) => [part.name, part.read()]);
    return texts
      .filter(([, text]) => text)
      .map(([name, text]) => `${name}=${encodeURIComponent(text).replace(/%2C/g, ",")}`)
      .join("&");
  }

  write() {
    try {
      history.replaceState(null, "", `#${this.text()}`);
    } catch {
      // Some browsers refuse when it happens too often, or in a frame; the page works without.
    }
  }

  // Set everything as the address says; what it does not name is as at the start.
  apply() {
    clearTimeout(this.timer);
    this.isApplying = true;
    const named = new URLSearchParams(location.hash.slice(1));
    for (const part of this.parts) part.apply(named.get(part.name));
    this.isApplying = false;
  }

  /**
   * Go to a place as if it were another page: Back leads from it to where one was.
   * @param {string} text
   */
  visit(text) {
    clearTimeout(this.timer);
    this.write();
    if (location.hash === `#${text}`) this.apply();
    else location.hash = text;
  }
}

/**
 * The numbers in a text; none where one of them is no number.
 * @param {string | null} text
 */
export function numbersIn(text) {
  const numbers = (text ?? "").split(",").map((part) => (part.trim() ? Number(part) : NaN));
  return numbers.every(Number.isFinite) ? numbers : [];
}
