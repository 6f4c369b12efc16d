// What the tests do within the page; tests/explore/acts.py calls these functions by name.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const first = (selector) => document.querySelector(selector);
const boxOf = (selector) => first(selector).getBoundingClientRect().toJSON();
const frame = () => new Promise((done) => requestAnimationFrame(done));

async function settle() {
  for (let i = 0; i < 4; i++) await frame();
}

function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

function greys(selector) {
  const { data } = first(selector).getContext("2d").getImageData(0, 0, 28, 28);
  return Array.from({ length: 784 }, (_, i) => data[4 * i]);
}

function show(selector) {
  first(selector).scrollIntoView({ block: "center" });
  return boxOf(selector);
}

function click(selector) {
  first(selector).click();
  return settle();
}

// Sets a slider, or chooses of a list.
function fill(selector, value) {
  const field = first(selector);
  field.value = value;
  for (const type of ["input", "change"]) field.dispatchEvent(new Event(type));
  return settle();
}

// A property or an attribute of all elements that the selector finds.
function each(selector, name) {
  return all(selector).map((one) => one[name] ?? one.getAttribute(name));
}

function isShown(selector) {
  const one = first(selector);
  return one.getClientRects().length > 0 && getComputedStyle(one).visibility === "visible";
}

// The ranges of a plane that shows the whole, and its size.
function planeOf(name) {
  const root = first(`#${name} .plane`);
  const ranges = all("input", root).map(({ min, max }) => [Number(min), Number(max)]);
  return [...ranges, [root.clientWidth, root.clientHeight]];
}

// Sets a model's point to each of the codes, dimension by dimension; what the page then shows.
async function look(name, codes) {
  const root = document.getElementById(name);
  const sliders = all(".sliders input", root);
  const inputs = sliders.length ? sliders : all(".plane input", root);
  const dims = inputs.map((input) => input.getAttribute("aria-label").slice(1) - 1);
  const seen = [];
  for (const code of codes) {
    const place = [];
    inputs.forEach((input, i) => {
      input.value = code[dims[i]];
      place[dims[i]] = Number(input.value);
      input.dispatchEvent(new Event("input"));
    });
    await frame();
    await frame();
    const near = all(".nearest button", root).map((item) => item.getAttribute("aria-label"));
    seen.push({ at: place, greys: greys(`#${name} .decoded`), near });
  }
  return seen;
}

// Remembers what is drawn on the planes: model, layer, the call's name, its plain values and the
// size of the font.
function record() {
  const drawn = (window.drawn = []);
  const pen = CanvasRenderingContext2D.prototype;
  for (const name of ["arc", "ellipse", "moveTo", "lineTo", "fillText", "clearRect", "drawImage"]) {
    const own = pen[name];
    pen[name] = function (...values) {
      const panel = this.canvas.closest(".panel");
      const layer = this.canvas.getAttribute("aria-hidden") ? "above" : "below";
      const plain = values.filter((value) => typeof value !== "object");
      if (panel) drawn.push([panel.id, layer, name, [...plain, parseInt(this.font)]]);
      return own.apply(this, values);
    };
  }
}

// Another state of a model: it decodes what lies opposite, and encodes one unit farther.
function become(number, codes, words) {
  const panel = window.panels[number];
  const { network } = panel.model.trained;
  const encode = (image) => ({ code: network.encode(image).code.map((value) => value + 1) });
  const decode = (code) => network.decode(code.map((value) => -value));
  panel.become({ network: { decode, encode }, codes: codes && Float32Array.from(codes), words });
  return settle();
}

// Three states come fast, each when a quarter of the mosaic has been made of the one before: how
// many images are made of each and renewed by then, and drawn each time that the plane is.
async function renewMosaic() {
  const [panel] = window.panels;
  const { network } = panel.model.trained;
  const { mosaic } = panel.plane;
  const cells = mosaic.cells(panel.plane.view).cells.length;
  while (mosaic.images.size < cells) await frame();
  const asked = [0, 0, 0];
  let now = performance.now();
  performance.now = () => (now += 1); // a few images in a slice, however fast the machine is
  const drawn = [];
  const own = mosaic.draw;
  mosaic.draw = function (pen, view) {
    const before = window.drawn.length;
    own.call(this, pen, view);
    drawn.push(window.drawn.slice(before).filter(([id]) => id === panel.root.id).length);
  };
  for (const state of [0, 1, 2]) {
    const code = panel.code;
    const decode = (at) => {
      if (at !== code) asked[state]++;
      return network.decode(at);
    };
    panel.become({ network: { ...network, decode }, codes: null, words: "" });
    while (asked[state] < cells / 4) await frame();
  }
  const renewed = [...mosaic.images.values()].filter(({ state }) => state).length;
  const made = asked.reduce((sum, count) => sum + count);
  while ([...mosaic.images.values()].some(({ state }) => state < mosaic.state)) await frame();
  await settle();
  return { cells, last: asked[2], made, renewed, drawn: [Math.min(...drawn), Math.max(...drawn)] };
}

// Whether a plane takes a turn of the wheel for itself.
function wheel(ctrlKey) {
  const { left, top } = boxOf("#ae .plane");
  const turn = { clientX: left + 50, clientY: top + 50, deltaY: -100, ctrlKey };
  const event = new WheelEvent("wheel", { ...turn, bubbles: true, cancelable: true });
  return !first("#ae .plane").dispatchEvent(event);
}

// A finger that goes down at a place of a plane, moves a little and goes up.
async function tap(selector, x, y, jitter) {
  const target = first(selector);
  const { left, top } = target.getBoundingClientRect();
  const send = (type, by, isDown) => {
    const place = { clientX: left + x + by, clientY: top + y + by };
    const finger = new Touch({ identifier: 1, target, ...place });
    const fingers = isDown ? [finger] : [];
    const lists = { touches: fingers, targetTouches: fingers, changedTouches: [finger] };
    target.dispatchEvent(new TouchEvent(type, { ...lists, bubbles: true, cancelable: true }));
  };
  send("touchstart", 0, true);
  send("touchmove", jitter, true);
  send("touchend", jitter, false);
  await settle();
}

// Controls that are too small for a finger.
function smallTargets() {
  const controls = all("button, select, input[type=range], .switch label");
  const isSmall = (control) => {
    const { width, height } = control.getBoundingClientRect();
    return control.checkVisibility() && height > 1 && (height < 44 || width < 44);
  };
  const found = controls.filter((one) => isSmall(one) && !one.matches(".past, .unseen"));
  return found.map((control) => control.outerHTML.slice(0, 99));
}

function watchFocus() {
  window.reached = new Set();
  document.addEventListener("focusin", (event) => window.reached.add(event.target));
  document.activeElement.blur();
}

// Visible controls that have not had the focus since it is watched.
function missedByFocus() {
  const controls = all("button, a, input, select, [tabindex='0']");
  const isStop = (one) => one.tabIndex >= 0 && !(one.type === "radio" && !one.checked);
  const isSeen = (one) => one.checkVisibility({ visibilityProperty: true });
  const missed = controls.filter((one) => isSeen(one) && isStop(one) && !window.reached.has(one));
  return missed.map((control) => control.outerHTML.slice(0, 120));
}

// The opaque pixels of a canvas: their colours, and where they are.
function opaquePixels(selector) {
  const { width, height } = first(selector);
  const { data } = first(selector).getContext("2d").getImageData(0, 0, width, height);
  const found = [];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue;
    const parts = [0, 1, 2].map((i) => data[at + i].toString(16).padStart(2, "0"));
    const place = [(at / 4) % width, Math.floor(at / 4 / width)];
    found.push({ colour: `#${parts.join("")}`, place });
  }
  return found;
}

function coloursOf(selector) {
  return [...new Set(opaquePixels(selector).map(({ colour }) => colour))];
}

// The box around the pixels of a canvas that have one of these colours: its width and height.
function boxOfColours(selector, colours) {
  const found = opaquePixels(selector).filter(({ colour }) => colours.includes(colour));
  return [0, 1].map((axis) => {
    const places = found.map(({ place }) => place[axis]);
    return Math.max(...places) - Math.min(...places) + 1;
  });
}

// How many of the selector's elements are wholly in the window, and no smaller than this.
function inView(selector, least = 1) {
  const isIn = (one) => {
    const { top, bottom, width } = one.getBoundingClientRect();
    return width >= least && top >= -1 && bottom <= innerHeight + 1;
  };
  return all(selector).filter(isIn).length;
}

// Frames that come fast, with a millisecond between them.
function fastFrames() {
  let now = performance.now();
  window.requestAnimationFrame = (next) => setTimeout(() => next((now += 1)));
}

// Whether the sentence on damage could be seen right after the page begins to load.
function visibilityOfStatus() {
  const status = first("#status").cloneNode(true);
  status.hidden = false;
  first("main").append(status);
  return getComputedStyle(status).visibility;
}

async function hash() {
  await pause(800);
  return location.hash.slice(1);
}
