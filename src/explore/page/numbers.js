// The numbers: metrics with a sentence on each, the curves of the loss, parameters, and how exact
// the page is.

/** @import { Facts, ModelFacts } from "./data.js" */

import { element, find, svg } from "./elements.js";

/** @type {(error: string) => [string, string]} */
const elbo = (error) => [
  "negative ELBO",
  `${error} at a code drawn from the posterior, plus the KL divergence; lower is better.`,
];
/** @type {[string, string]} */
const IWAE = [
  "IWAE bound",
  "A tighter bound of the same kind, from several weighted draws an image; lower is better.",
];
/** @type {Record<string, [string, string]>} */
const METRICS = {
  test_mse: [
    "squared error per pixel",
    "Mean over pixels and test images, between image and reconstruction; lower is better.",
  ],
  test_sse: ["squared error per image", "The same, summed over the 784 pixels of an image."],
  pca_test_mse: [
    "the same for PCA",
    "Squared error per pixel of the best linear autoencoder of as many dimensions: to be beaten.",
  ],
  knn_accuracy: [
    "5-NN accuracy",
    "How often a test image has the class of most of the five training images with nearest codes.",
  ],
  linear_probe_accuracy: [
    "linear probe",
    "How often a logistic regression reads the class of a test image off its code.",
  ],
  test_greyness: [
    "greyness",
    "Mean of 4 g (1 \u2212 g) over the greys g of decoded images: 0 where all is black or white.",
  ],
  images_greyness: ["the same for the images", "The greyness of the test images themselves."],
  draws_distance: [
    "draws: distance",
    "Median distance from drawn codes to the nearest training code; that of test codes is 1.",
  ],
  draws_precision: [
    "draws: precision",
    "How many decoded draws lie among decoded test codes (in pixels, by the three nearest).",
  ],
  draws_recall: ["draws: recall", "How many decoded test codes lie among decoded draws."],
  draws_precision_images: [
    "draws: precision of images",
    "How many lie among the test images; one grey mean image can reach 100 %.",
  ],
  draws_recall_images: [
    "draws: recall of images",
    "How many test images lie among the decoded draws.",
  ],
  line_distance: [
    "halfway: distance",
    "The same distance from points halfway between two test codes, on a straight line.",
  ],
  line_precision: [
    "halfway: precision",
    "How many of those, decoded, lie among decoded test codes.",
  ],
  sphere_distance: [
    "on a sphere: distance",
    "From points halfway on an arc around the origin, with the mean of both lengths.",
  ],
  sphere_precision: ["on a sphere: precision", "How many of those lie among decoded test codes."],
  latent_std_mean: [
    "spread of the codes",
    "Standard deviation of the codes of the test images, averaged over the latent dimensions.",
  ],
  test_kl: [
    "KL divergence",
    "Nats per test image by which the posterior differs from the model's prior: what a code costs.",
  ],
  test_neg_elbo: elbo("Squared error"),
  test_iwae_bound: IWAE,
  test_neg_elbo_bce: elbo("Cross-entropy"),
  test_iwae_bound_bce: IWAE,
  active_units: [
    "active units",
    "Latent dimensions that the VAE uses: the posterior mean's variance over images exceeds 0.01.",
  ],
};

/**
 * A metric as a person reads it: shares in percent, else four digits that count.
 * @type {(name: string, value: number | undefined) => string}
 */
function metricText(name, value) {
  if (value === undefined) return "\u2013";
  if (/_(accuracy|precision|recall)/.test(name)) return `${(100 * value).toFixed(1)} %`;
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/**
 * The rows of the table of metrics: a head, then a row for each metric that any model has.
 * @param {ModelFacts[]} models
 */
function metricRows(models) {
  const all = models.flatMap(({ metrics }) => Object.keys(metrics));
  const names = [...new Set([...Object.keys(METRICS), ...all])].filter((name) =>
    all.includes(name),
  );
  const head = ["metric", ...models.map(({ title }) => title)];
  const row = (/** @type {string} */ name) => {
    const [title, sentence] = METRICS[name] ?? [name, ""];
    const cells = models.map(({ metrics }) =>
      element("td", { class: "number" }, metricText(name, metrics[name])),
    );
    const words = element("span", { class: "sentence" }, sentence);
    const heading = element("th", { scope: "row" }, title, " ", element("code", {}, name), words);
    return element("tr", {}, heading, ...cells);
  };
  const headings = head.map((name) => element("th", { scope: "col" }, name));
  return [element("tr", {}, ...headings), ...names.map(row)];
}

/**
 * A figure of the training loss of every epoch, beside the translator's if there is one; and a
 * function that marks an epoch on its curve, given how many are finished.
 * @type {(model: ModelFacts) => { figure: HTMLElement, mark: (epochs: number) => void }}
 */
function lossChart({ title, losses, published }) {
  const [width, height, left, bottom, top] = [300, 150, 40, 34, 12];
  const curves = [losses, ...(published ? [published] : [])];
  const high = Math.max(...curves.flat());
  const low = Math.min(...curves.flat());
  const last = Math.max(...curves.map((curve) => curve.length)) - 1;
  const x = (/** @type {number} */ epoch) =>
    left + (last ? epoch / last : 0.5) * (width - left - 10);
  const y = (/** @type {number} */ loss) =>
    top + (high > low ? (high - loss) / (high - low) : 0.5) * (height - bottom - top);
  const points = (/** @type {number[]} */ curve) =>
    curve.map((loss, epoch) => `${x(epoch).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
  const marks = [...new Set([low, (low + high) / 2, high])].flatMap((loss) => {
    const text = { x: left - 6, y: y(loss) + 4, "text-anchor": "end" };
    const line = { class: "grid", x1: left, x2: width - 10, y1: y(loss), y2: y(loss) };
    return [svg("line", line), svg("text", text, (loss / 1e6).toPrecision(3))];
  });
  const ends = (/** @type {number[]} */ curve) =>
    [curve[0], curve[curve.length - 1]].map((loss) => loss.toFixed(0));
  const [first, end] = ends(losses);
  const words = [`${title}: training loss, from ${first} in the first epoch to ${end} in the last`];
  const theirs = "that of the tutorial's translator (latent_dims = 2)";
  if (published) words.push(`${theirs}: from ${ends(published).join(" to ")}`);
  const now = svg("circle", { class: "now", r: 5 });
  const mark = (/** @type {number} */ epochs) => {
    now.setAttribute("visibility", epochs ? "visible" : "hidden"); // before the first: no loss
    now.setAttribute("cx", String(x(Math.max(0, epochs - 1))));
    now.setAttribute("cy", String(y(losses[Math.max(0, epochs - 1)])));
  };
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words.join("; ") },
    ...marks,
    svg("text", { x: x(0), y: height - 16, "text-anchor": "middle" }, "1"),
    svg("text", { x: x(last), y: height - 16, "text-anchor": "end" }, String(last + 1)),
    svg("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, "epoch"),
    ...curves.map((curve, i) =>
      svg("polyline", { class: i ? "published" : "curve", points: points(curve) }),
    ),
    ...(losses.length === 1 ? [svg("circle", { cx: x(0), cy: y(losses[0]), r: 4 })] : []),
    now,
  );
  const key = published ? `this run, and dashed ${theirs}` : "this run";
  const caption = ` training loss in millions, summed over the training images: ${key}`;
  const figure = element(
    "figure",
    { class: "chart" },
    chart,
    element("figcaption", {}, element("b", {}, title), caption),
  );
  return { figure, mark };
}

/**
 * Adds the numbers; returns for each model the function that marks an epoch on its curve.
 * @param {Facts} facts
 */
export function addNumbers(facts) {
  const parameters = Object.entries(facts.parameters).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
  find(document, "#parameters").append(...parameters);
  const differences = facts.models
    .filter(({ difference }) => difference !== undefined)
    .map(({ title, difference }) => `${title} ${difference}`);
  const many = `At ${facts.probes} codes, pixels differ from PyTorch's by at most (of 255)`;
  if (differences.length)
    find(document, "#exact").textContent = `${many}: ${differences.join(", ")}.`;
  const [head, ...rows] = metricRows(facts.models);
  const table = /** @type {HTMLTableElement} */ (find(document, "#metrics"));
  table.tHead?.append(head);
  table.tBodies[0].append(...rows);
  const charts = facts.models.map(lossChart);
  find(document, "#losses").append(...charts.map(({ figure }) => figure));
  return charts.map(({ mark }) => mark);
}
