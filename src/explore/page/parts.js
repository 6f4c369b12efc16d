// What a panel tells its plane, and the reader, of its model.

/**
 * What its plane is made of.
 * @param {import("./panel.js").Panel} panel
 * @param {{ light: string[], dark: string[] }} colours
 * @returns {import("./plane.js").Parts}
 */
export function partsOf(panel, colours) {
  const { facts, space, network } = panel;
  const mean = Float32Array.from(space.mean);
  const zero = space.toPlane(new Float32Array(facts.dims));
  return {
    title: `${panel.title}, latent space`,
    space,
    classes: panel.data.classes,
    colours,
    decodeAt: (place) => network.decode(space.moved(mean, place)),
    span: facts.mosaic,
    reach: panel.frames.reach,
    prior: facts.priorStd === null ? null : { centre: zero, std: facts.priorStd },
  };
}

/**
 * A sentence on what its dots are.
 * @param {import("./panel.js").Panel} panel
 */
export function aboutOf(panel) {
  const { space } = panel;
  const count = space.count.toLocaleString("en");
  const { dims } = panel.facts;
  const what = panel.facts.priorStd === null ? "codes" : "posterior means";
  const share = panel.facts.planeShares.reduce((sum, value) => sum + value, 0);
  const where = space.isPlane
    ? ""
    : `, of ${dims} dimensions, on the plane of the first two principal components: ` +
      `${(100 * share).toFixed(1)} % of their variance`;
  const known = space.isWhole
    ? ""
    : ` Distances are along the first ${space.axes.length} of them, ` +
      `which hold ${(100 * space.share).toFixed(1)} %.`;
  const live = panel.network.isLive
    ? ""
    : " The page does not know this model\u2019s arithmetic, so it cannot decode live: " +
      "it shows the nearest of the images that were decoded when it was made.";
  return `The ${what} of ${count} training images${where}.${known}${live}`;
}
