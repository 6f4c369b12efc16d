// One model's panel: the point in its latent space, and everything that shows or moves it.

import { element, oncePerFrame, short } from "./elements.js";
import { imageOf, paint, picture } from "./images.js";
import { decode, encode } from "./network.js";
import { COLOURS, Pad } from "./pad.js";
import { addPath } from "./path.js";

const NEAR = 5;
const SAMPLES = 10;
const TIMED = 10; // decodes whose mean time is told
const QUIET = 600; // milliseconds without a move before a screen reader is told

export class Panel {
  // `data`: what all panels share: { classes, images, seed }. `model`: { title, facts, space, layers, ends }.
  constructor(root, data, model) {
    Object.assign(this, { root, data, ...model });
    this.seed = data.seed;
    this.code = Float32Array.from(this.space.mean);
    this.part("h2").textContent = this.title;
    this.part(".about").textContent = this.about();
    this.draw = oncePerFrame(() => this.show());
    this.pad = new Pad(this.part(".pad"), {
      title: `${this.title}, latent space`,
      places: this.space.train.map((along) => (this.space.isPlane ? this.space.lift(along) : along)),
      labels: data.images.train.labels,
      classes: data.classes,
      names: this.space.names,
      onMove: (place) => this.moveTo(this.space.moved(this.code, place)),
      onDot: (number) => this.showTraining(number),
    });
    this.sliders = this.facts.sliders.map((dim) => this.addSlider(dim));
    this.part(".dims").hidden = !this.sliders.length;
    this.part(".mean").addEventListener("click", () => this.moveTo(Float32Array.from(this.space.mean)));
    this.addLegend();
    this.part(".near-about").textContent = this.nearAbout();
    addPath(this.part(".path"), data.classes, this.facts.ends, this.ends, () => this.code, (code) => this.moveTo(code));
    this.part(".again").addEventListener("click", () => this.showSamples(this.seed + 1));
    this.showSamples(this.seed);
    this.moveTo(this.code);
  }

  part(selector) {
    return this.root.querySelector(selector);
  }

  about() {
    const what = this.facts.priorStd === null ? "codes" : "posterior means";
    const { dims } = this.facts;
    const where = { 1: "a line", 2: "a plane" }[dims] ?? `the plane of the first two of ${dims} principal components`;
    return `The ${what} of ${this.data.images.train.labels.length.toLocaleString("en")} training images, on ${where}.`;
  }

  nearAbout() {
    const what = `The test images with the nearest codes, of ${this.data.images.test.labels.length.toLocaleString("en")}`;
    if (this.space.isWhole) return `${what}, and their distance.`;
    const share = (100 * this.space.share).toFixed(1);
    return `${what}, and their distance along the first ${this.space.axes.length} principal axes, which hold ${share}% of the variance.`;
  }

  moveTo(code) {
    this.code = code;
    this.draw();
  }

  // All that depends on the point; at most once for each frame.
  show() {
    const greys = decode(this.layers, this.code);
    const place = this.space.toPlane(this.code);
    const where = this.space.names.map((name, axis) => `${name.replace("principal component", "PC")}: ${short(place[axis], 2)}`);
    paint(this.part(".decoded"), greys, `${this.title}: the image decoded at ${where.join(", ")}`);
    this.part(".coordinates").textContent = where.join("\n");
    this.pad.mark(place);
    this.sliders.forEach(({ dim, input, number }) => {
      input.value = this.code[dim];
      number.textContent = short(this.code[dim], 2);
    });
    const near = this.space.nearest(this.code, NEAR);
    this.showNear(near);
    this.announce(`${where.join(", ")}; near: ${near.map(({ image }) => this.className("test", image)).join(", ")}`);
  }

  className(split, number) {
    return this.data.classes[this.data.images[split].labels[number]];
  }

  greys(split, number) {
    return imageOf(this.data.images[split].packed, number);
  }

  showNear(near) {
    this.part(".nearest").replaceChildren(
      ...near.map(({ image, distance }) => {
        const name = this.className("test", image);
        const label = `test image ${image}: ${name}, distance ${distance.toFixed(4)}`;
        const below = element("span", { class: "quiet" }, short(distance, 2));
        return element("li", {}, picture(this.greys("test", image), label, element("b", {}, name), " ", below));
      }),
    );
  }

  announce(words) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => (this.part(".announcement").textContent = words), QUIET);
  }

  // A dot was clicked: go there, and show the image beside what the model makes of it.
  showTraining(number) {
    const greys = this.greys("train", number);
    const code = this.space.isWhole ? this.space.lift(this.space.train[number]) : encode(this.layers, greys).code;
    const name = this.className("train", number);
    this.part(".training").replaceChildren(
      picture(greys, `training image ${number}: ${name}`, element("b", {}, name), " original"),
      picture(decode(this.layers, code), `reconstruction of training image ${number}`, "reconstruction"),
    );
    this.moveTo(code);
  }

  showSamples(seed) {
    this.seed = seed;
    const { priorStd } = this.facts;
    const beyond = this.space.isWhole ? "" : ` along their first ${this.space.axes.length} principal axes`;
    this.part(".sample-about").textContent =
      priorStd === null
        ? `An autoencoder has no prior: from a Gaussian fitted to its codes${beyond}, seed ${seed}.`
        : `From the prior, a Gaussian of standard deviation ${priorStd.toPrecision(4)} in each dimension, seed ${seed}.`;
    const codes = this.space.samples(SAMPLES, priorStd, seed);
    this.part(".samples").replaceChildren(
      ...codes.map((code, i) => element("li", {}, picture(decode(this.layers, code), `sample ${i + 1}, seed ${seed}`))),
    );
  }

  // A slider for one latent dimension; moving it leaves all others where they are.
  addSlider(dim) {
    const [min, max] = [this.facts.low[dim], this.facts.high[dim]];
    const input = element("input", { type: "range", min, max, step: (max - min) / 1000 || 1 });
    const number = element("span", { class: "number", "aria-hidden": "true" });
    input.addEventListener("input", () => this.moveTo(this.code.map((old, i) => (i === dim ? Number(input.value) : old))));
    this.part(".sliders").append(element("label", {}, element("span", {}, `z${dim + 1}`), input, number));
    return { dim, input, number };
  }

  // The names of the classes, as buttons: those pressed are shown, and all where none is.
  addLegend() {
    const buttons = this.data.classes.map((name, label) => {
      const dot = element("span", { class: "dot" });
      dot.style.background = COLOURS[label];
      const button = element("button", { type: "button", "aria-pressed": "false" }, dot, name);
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "false");
        this.pad.filter(buttons.flatMap((other, i) => (other.getAttribute("aria-pressed") === "true" ? [i] : [])));
      });
      return button;
    });
    this.part(".legend").append(...buttons);
  }

  // Where a drawing (784 greys) falls, and what the model makes of it: a picture with words.
  showDrawing(greys) {
    const { code, std } = encode(this.layers, greys);
    this.pad.markDrawing(this.space.toPlane(code), std && this.space.ellipse(std));
    const numbers = (values) => `${Array.from(values.slice(0, 8), (value) => short(value)).join(", ")}${values.length > 8 ? ", …" : ""}`;
    const words = [element("b", {}, this.title), ` z = (${numbers(code)})`];
    if (std) words.push(element("span", { class: "quiet" }, ` \u00b1 (${numbers(std)})`));
    return picture(decode(this.layers, code), `${this.title}: reconstruction of the drawing`, ...words);
  }

  // Milliseconds of a decode, on average.
  decodeTime() {
    const start = performance.now();
    for (let i = 0; i < TIMED; i++) decode(this.layers, this.code);
    return (performance.now() - start) / TIMED;
  }
}
