// One image in all spaces: the original, what each model makes of it, and draws from its posterior.

/** @import { Data, ModelFacts } from "./data.js" */
/** @import { Encoded } from "./network.js" */
/** @import { Panel } from "./panel.js" */
/** @import { Picture } from "./picture.js" */

import { announcer, element, find, numberText, oncePerFrame, onceQuiet } from "./elements.js";
import { thumbnail } from "./images.js";
import { klDivergence, reconstructionLoss } from "./loss.js";
import { normals } from "./normals.js";
import { greysOf } from "./picture.js";

const DRAWS = 8;
const NEAR = 5;
const SENTENCE_DELAY = 400; // milliseconds without a change before the sentence changes
const DRAWS_DELAY = 100; // the same for the draws, so that no stroke waits for them

export class Chosen {
  /**
   * @param {HTMLElement} root
   * @param {Panel[]} panels
   * @param {Data} data
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
    this.drawSoon = onceQuiet(DRAWS_DELAY, () => this.showDraws(this.encoded));
    this.announce = announcer(find(root, ".words"), SENTENCE_DELAY);
  }

  /**
   * The picture is shown with the next frame, and the points go to its codes; null takes all away.
   * @param {Picture | null} picture
   * @param {boolean} [isNow] at once
   */
  choose(picture, isNow = false) {
    this.picture = picture;
    this.encoded = []; // of the picture before
    if (isNow) this.show();
    else this.draw();
  }

  // The picture in the models as they are now. A point that has left its code stays where it is.
  show() {
    const { picture, panels, root, encoded: before } = this;
    root.classList.toggle("empty", !picture);
    if (!picture) {
      for (const panel of panels) panel.plane.mark({ image: null });
      find(root, ".trio").replaceChildren();
      this.showDraws([]);
      this.announce("");
      return;
    }
    const greys = greysOf(picture, this.data.images);
    const encoded = panels.map((panel) => encode(panel, picture, greys));
    panels.forEach((panel, i) => {
      const image = encoded[i];
      panel.plane.mark({ image });
      if (image && (before[i]?.code ?? panel.code) === panel.code) panel.goTo(image.code);
    });
    const name = picture.source && !picture.strokes.length ? "original" : "drawing";
    const figures = panels.map((panel, i) => this.reconstruction(panel, encoded[i], greys));
    find(root, ".trio").replaceChildren(figure(greys, name), ...figures);
    this.encoded = encoded;
    this.drawSoon();
    this.announce(this.sentence(picture, encoded));
  }

  /** @type {(panel: Panel, image: Encoded | null, greys: Float32Array) => HTMLElement} */
  reconstruction({ title, network, facts }, image, greys) {
    if (!image) {
      const words = element("p", { class: "quiet" }, `${title}: cannot be encoded live`);
      return element("figure", {}, words);
    }
    const decoded = network.decode(image.code);
    if (!network.encode) return figure(decoded, title, "near its code");
    return figure(decoded, title, lossWords(facts, greys, decoded, image));
  }

  /** @param {(Encoded | null)[]} encoded */
  showDraws(encoded) {
    const at = this.panels.findIndex((_, i) => encoded[i]?.std);
    const list = find(this.root, ".draws");
    const words = find(this.root, ".draws-words");
    list.replaceChildren();
    words.textContent = "";
    if (at < 0) return;
    const { code, std } = /** @type {Required<Encoded>} */ (encoded[at]);
    const { title, network } = this.panels[at];
    const normal = normals(this.data.facts.seed);
    for (let draw = 1; draw <= DRAWS; draw++) {
      const image = network.decode(code.map((mean, i) => mean + std[i] * normal()));
      list.append(element("li", {}, thumbnail(image, `draw ${draw} from the posterior`)));
    }
    const numbers = Array.from(std.slice(0, 4), (value) => numberText(value)).join(", ");
    const more = std.length > 4 ? " and more" : "";
    words.textContent =
      `Eight draws from its posterior in the ${title}, the Gaussian of codes that the encoder ` +
      `gives this image: sigma ${numbers}${more}.`;
  }

  /** @type {(picture: Picture, encoded: (Encoded | null)[]) => string} */
  sentence({ source, strokes }, encoded) {
    const { facts, images } = this.data;
    const name = source ? facts.classes[images[source.split].labels[source.number]] : "";
    const split = source?.split === "test" ? "test" : "training";
    const original = source && `${split} image ${source.number}, class ${name}`;
    const over = strokes.length ? "Your drawing over " : "";
    const what = original ? over + original : "Your drawing";
    const neighbours = this.panels.flatMap((panel, i) => {
      const image = encoded[i];
      if (!image) return [];
      const self = source?.split === "train" && !strokes.length ? source.number : -1;
      const near = panel.space
        .nearest(image.code, NEAR + 1)
        .filter(({ number }) => number !== self)
        .slice(0, NEAR);
      const names = near.map(({ number }) => panel.className(number)).join(", ");
      return [`${panel.title}: near ${names}`];
    });
    return `${what[0].toUpperCase()}${what.slice(1)}. ${neighbours.join("; ")}.`;
  }
}

/**
 * The picture's code in a space; null where the page cannot encode it.
 * @type {(panel: Panel, picture: Picture, greys: Float32Array) => Encoded | null}
 */
export function encode({ network, space, isTrained }, { source, strokes }, greys) {
  const isDot = isTrained && source?.split === "train" && !strokes.length;
  const isStored = isDot && (space.axesAreComplete || !network.encode);
  const stored = isStored ? space.codeOf(source.number) : null;
  if (!network.encode) return stored && { code: stored };
  const { code, std } = network.encode(greys);
  return { code: stored ?? code, std };
}

/**
 * An image with its name and words below it.
 * @type {(greys: Float32Array, name: string, words?: string) => HTMLElement}
 */
function figure(greys, name, words = "") {
  const image = thumbnail(greys, [name, words].filter(Boolean).join(", "));
  const number = element("span", { class: "number" }, words);
  return element("figure", {}, image, element("figcaption", {}, element("b", {}, name), number));
}

/**
 * "error 29.0 + KL 4.1 = 33.1", with beta where it is not 1; the error alone where the model has no
 * posterior, or a loss that the page does not know.
 * @type {(facts: ModelFacts, x: Float32Array, pixels: Float32Array, image: Encoded) => string}
 */
export function lossWords(facts, x, pixels, { code, std }) {
  const { reconstructionLoss: name, priorStd, beta, trainable } = facts;
  const error = reconstructionLoss(facts, x, pixels);
  const term = `${name === "bce" ? "cross-entropy" : "error"} ${numberText(error, 1)}`;
  if (!trainable || !std || priorStd === null) return term;
  const kl = klDivergence(code, std, priorStd).reduce((sum, value) => sum + value, 0);
  // Of the terms as they are read.
  const sum = Number(error.toFixed(1)) + beta * Number(kl.toFixed(1));
  const weight = beta === 1 ? "" : `${beta} \u00d7 `;
  return `${term} + ${weight}KL ${numberText(kl, 1)} = ${numberText(sum, 1)}`;
}
