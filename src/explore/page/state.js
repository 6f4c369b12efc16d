// The state of the page, in the address' hash: reload and Back lead back to it, and it can be
// sent to others.

const QUIET = 500; // milliseconds without a change; browsers refuse to follow each

/**
 * A field of the address: its name, its text now ("" if it is as at the start), and what sets it.
 * @typedef {object} AddressField
 * @property {string} name
 * @property {() => string} read
 * @property {(text: string | null) => void} apply null: as at the start
 */

export class State {
  /**
   * @param {AddressField[]} fields in the order in which they are set
   * @param {() => void} onSettled all are set as the address says
   */
  constructor(fields, onSettled) {
    this.fields = fields;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.isApplying = false;
    this.onSettled = onSettled;
    window.addEventListener("hashchange", () => this.apply());
  }

  // The address follows what has changed, as the same entry of the browser's history.
  changed() {
    if (this.isApplying) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), QUIET);
  }

  write() {
    const texts = this.fields
      .map(({ name, read }) => ({ name, text: read() }))
      .filter(({ text }) => text)
      .map(({ name, text }) => `${name}=${encodeURIComponent(text).replace(/%2C/g, ",")}`);
    try {
      history.replaceState(null, "", `#${texts.join("&")}`);
    } catch {
      // Some browsers refuse when it happens too often, or in a frame; the page works without.
    }
  }

  // Set everything as the address says; what it does not name is as at the start.
  apply() {
    clearTimeout(this.timer);
    this.isApplying = true;
    const named = new URLSearchParams(location.hash.slice(1));
    for (const { name, apply } of this.fields) apply(named.get(name));
    this.isApplying = false;
    this.onSettled();
  }

  /**
   * The texts of some of the fields, in one.
   * @param {string[]} names
   */
  textOf(names) {
    return this.fields
      .flatMap(({ name, read }) => (names.includes(name) ? [read()] : []))
      .join("&");
  }

  /**
   * Go to a state as if it were another page: the browser's Back leads to the one before.
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
 * Numbers as a text, with four digits after the point.
 * @param {Iterable<number>} numbers
 */
export function textOf(numbers) {
  return Array.from(numbers, (number) => String(Number(number.toFixed(4)))).join(",");
}

/**
 * The numbers in a text; none where one of them is no number.
 * @param {string | null} text
 */
export function numbersIn(text) {
  const numbers = (text ?? "").split(",").map((part) => (part.trim() ? Number(part) : NaN));
  return numbers.every(Number.isFinite) ? numbers : [];
}
