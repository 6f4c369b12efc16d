// One image in all spaces: the original, what each model makes of it, and draws from its posterior.

import { element, oncePerFrame, onceQuiet, part, short } from "./elements.js";
import { squaredError, thumbnail } from "./images.js";
import { greysOf } from "./picture.js";
import { normals } from "./random.js";

const DRAWS = 8;
const NEAR = 5;
const QUIET = 400; // milliseconds without a change before the sentence changes
const SHORT = 100; // and before there are other draws: no stroke waits for them

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {{ code: Float32Array, std?: Float32Array }} Encoded */

export class Chosen {
  /**
   * @param {HTMLElement} root
   * @param {import("./panel.js").Panel[]} panels
   * @param {import("./types.js").Data} data
   */
  constructor(root, panels, data) {
    this.root = root;
    this.panels = panels;
    this.data = data;
    /** @type {Picture | null} */
    this.picture = null;
    this.draw = oncePerFrame(() => this.show());
    /** @type {(Encoded | null)[]} */
    this.encoded = [];
    this.drawSoon = onceQuiet(SHORT, () => this.showDraws(this.encoded));
    const words = part(root, ".words");
    this.tell = onceQuiet(QUIET, (/** @type {string} */ text) => (words.textContent = text));
  }

  /**
   * The picture is shown with the next frame, and the points go to its codes; null takes all away.
   * @param {Picture | null} picture
   * @param {boolean} [isNow] at once
   */
  choose(picture, isNow = false) {
    this.picture = picture;
    if (isNow) this.show();
    else this.draw();
  }

  show() {
    const { picture, panels, root } = this;
    root.classList.toggle("empty", !picture);
    if (!picture) {
      for (const panel of panels) panel.markImage(null);
      part(root, ".trio").replaceChildren();
      this.encoded = [];
      this.showDraws([]);
      this.tell("");
      return;
    }
    const greys = greysOf(picture, this.data);
    const encoded = panels.map((panel) => this.encode(panel, picture, greys));
    panels.forEach((panel, i) => {
      const image = encoded[i];
      panel.markImage(image);
      if (image) panel.goTo(image.code);
    });
    const figures = [
      figure(greys, picture.source && !picture.strokes.length ? "original" : "drawing"),
    ];
    panels.forEach((panel, i) => figures.push(this.reconstruction(panel, encoded[i], greys)));
    part(root, ".trio").replaceChildren(...figures);
    this.encoded = encoded;
    this.drawSoon();
    this.tell(this.sentence(picture, encoded));
  }

  /**
   * The image's code in a space; null where the page cannot tell.
   * @param {import("./panel.js").Panel} panel
   * @param {Picture} picture
   * @param {Float32Array} greys
   * @returns {Encoded | null}
   */
  encode({ network, space }, { source, strokes }, greys) {
    const isDot = source?.split === "train" && !strokes.length;
    const known = isDot && (space.isWhole || !network.isLive) ? space.codeOf(source.number) : null;
    if (!network.isLive) return known && { code: known };
    const { code, std } = network.encode(greys);
    return { code: known ?? code, std };
  }

  /**
   * @param {import("./panel.js").Panel} panel
   * @param {Encoded | null} image
   * @param {Float32Array} greys
   */
  reconstruction({ title, network }, image, greys) {
    if (!image)
      return element(
        "figure",
        {},
        element("p", { class: "quiet" }, `${title}: cannot be encoded live`),
      );
    const decoded = network.decode(image.code);
    if (!network.isLive) return figure(decoded, title, "near its code");
    return figure(decoded, title, `error ${short(squaredError(greys, decoded), 1)}`, "squared ");
  }

  /** @param {(Encoded | null)[]} encoded */
  showDraws(encoded) {
    const at = this.panels.findIndex((_, i) => encoded[i]?.std);
    const image = encoded[at];
    if (!image?.std) {
      part(this.root, ".draws").replaceChildren();
      part(this.root, ".draws-words").textContent = "";
      return;
    }
    const { std, code } = image;
    const { title, network } = this.panels[at];
    const normal = normals(this.data.seed);
    const draws = Array.from({ length: DRAWS }, () =>
      code.map((mean, i) => mean + std[i] * normal()),
    );
    const items = draws.map((draw, i) =>
      element("li", {}, thumbnail(network.decode(draw), `draw ${i + 1} from the posterior`)),
    );
    part(this.root, ".draws").replaceChildren(...items);
    const numbers = Array.from(std.slice(0, 4), (value) => short(value)).join(", ");
    const more = std.length > 4 ? ", \u2026" : "";
    part(this.root, ".draws-words").textContent =
      `Eight draws from its posterior in the ${title}: standard deviation ${numbers}${more}.`;
  }

  /**
   * @param {Picture} picture
   * @param {(Encoded | null)[]} encoded
   */
  sentence({ source, strokes }, encoded) {
    const { classes, images } = this.data;
    const name = source ? classes[images[source.split].labels[source.number]] : "";
    const split = source?.split === "test" ? "test" : "training";
    const image = source && `${split} image ${source.number}, class ${name}`;
    const over = strokes.length ? "Your drawing over " : "";
    const what = image ? over + image : "Your drawing";
    const falls = this.panels.flatMap((panel, i) => {
      const known = encoded[i];
      if (!known) return [];
      const self = source?.split === "train" && !strokes.length ? source.number : -1;
      const near = panel.space
        .nearest(known.code, NEAR + 1)
        .filter(({ number }) => number !== self)
        .slice(0, NEAR);
      return [
        `${panel.title}: near ${near.map(({ number }) => panel.className(number)).join(", ")}`,
      ];
    });
    return `${what[0].toUpperCase()}${what.slice(1)}. ${falls.join("; ")}.`;
  }
}

/**
 * An image with its name and words below it, the first of which a small screen leaves out.
 * @param {Float32Array} greys
 * @param {string} name
 * @param {string} [words]
 * @param {string} [first]
 */
function figure(greys, name, words = "", first = "") {
  const image = thumbnail(greys, `${name}${words ? `, ${first}${words}` : ""}`);
  const number = element(
    "span",
    { class: "number" },
    element("span", { class: "long" }, first),
    words,
  );
  return element("figure", {}, image, element("figcaption", {}, element("b", {}, name), number));
}
