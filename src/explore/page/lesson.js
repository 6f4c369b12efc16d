// The course: a question after the other, what to do, and what one sees of it in this run.

/** @import { Step } from "./data.js" */
/** @import { AddressField } from "./state.js" */

import { button, element, find } from "./elements.js";

// Tools beside the planes: there all that a step asks for is in sight at once.
const WIDE = matchMedia("(min-width: 68rem) and (min-height: 34.01rem)");
const MOVED = "You have changed what this step speaks of. ";

export class Lesson {
  /**
   * @param {HTMLElement} root
   * @param {Step[]} steps
   * @param {(state: string) => void} visit
   */
  constructor(root, steps, visit) {
    this.root = root;
    this.steps = steps;
    this.visit = visit;
    this.home = root.previousElementSibling;
    /** @type {Step | undefined} */
    this.step = undefined;
    /** @type {string | null} */
    this.seen = null; // the state of which its sentence speaks; null: it has changed
    root.hidden = !steps.length;
    this.select = /** @type {HTMLSelectElement} */ (find(root, "select"));
    steps.forEach(({ name, question }, i) =>
      this.select.append(element("option", { value: name }, `${i + 1}. ${question}`)),
    );
    this.select.addEventListener("change", () => this.go(this.select.value));
    find(root, ".back").addEventListener("click", () => this.goBy(-1));
    find(root, ".next").addEventListener("click", () => this.goBy(1));
    WIDE.addEventListener("change", () => this.place());
  }

  /** @param {number} by steps */
  goBy(by) {
    const at = this.step ? this.steps.indexOf(this.step) + by : 0;
    this.go(this.steps[at]?.name ?? "");
  }

  /** @param {string} name of a step; "" ends the course */
  go(name) {
    const step = this.steps.find((one) => one.name === name);
    this.visit(step ? `${step.state}${step.state && "&"}step=${name}` : "");
    find(this.root, "h2").focus({ preventScroll: true });
  }

  // Above the part of the page that it speaks of, where not all of that is in sight.
  place() {
    const { root, home, step } = this;
    const near = step && !WIDE.matches && document.getElementById(step.near);
    const there = near ? near.previousElementSibling : home?.nextElementSibling;
    if (there === root) return;
    const hasFocus = root.contains(document.activeElement); // which a move takes away
    if (near) near.before(root);
    else home?.after(root);
    if (hasFocus) find(root, "h2").focus({ preventScroll: true });
  }

  bringIntoView() {
    if (this.step && !WIDE.matches) this.root.scrollIntoView();
  }

  show() {
    const { root, step, steps } = this;
    const at = step ? steps.indexOf(step) : -1;
    document.body.classList.toggle("in-course", Boolean(step));
    document.body.classList.toggle("needs-tools", step?.near === "tools");
    const showsImage = step?.state.startsWith("image=") && step.near !== "tools";
    document.body.classList.toggle("shows-image", Boolean(showsImage));
    find(root, "h2").textContent = step
      ? `${at + 1} of ${steps.length}: ${step.question}`
      : `A course in ${steps.length} questions`;
    this.select.value = step?.name ?? "";
    find(root, ".back").hidden = !step;
    find(root, ".next").textContent = !step ? "Begin" : at + 1 < steps.length ? "Next" : "End";
    find(root, ".act").textContent = step?.act ?? "";
    this.showSentence();
    this.place();
  }

  showSentence() {
    const { step } = this;
    const see = find(this.root, ".see");
    if (!step || this.seen !== null) see.textContent = step?.see ?? "";
    else
      see.replaceChildren(
        MOVED,
        button({}, () => this.go(step.name), "Show it again"),
      );
  }

  /**
   * The page has changed: the sentence stays only if what it speaks of has not.
   * @param {(names: string[]) => string} read the texts of fields of the address
   */
  check(read) {
    if (!this.step || this.seen === null || read(this.subjects) === this.seen) return;
    this.seen = null;
    this.showSentence();
  }

  /**
   * The state is as the step wants it.
   * @param {(names: string[]) => string} read
   */
  settle(read) {
    if (this.step) this.seen = read(this.subjects);
    this.show();
    this.bringIntoView();
  }

  // The fields of the address that the step's sentence speaks of.
  get subjects() {
    return (this.step?.about ?? "").split(",");
  }

  /** @returns {AddressField} */
  get addressField() {
    return {
      name: "step",
      read: () => (this.seen === null ? "" : (this.step?.name ?? "")),
      apply: (text) => {
        this.step = this.steps.find(({ name }) => name === text);
        this.seen = this.step ? "" : null;
      },
    };
  }
}
